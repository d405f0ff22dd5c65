// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/status.h"
#include "memory/device_memory.h"
#include "transport/fabric/fabric_types.h"
#include "transport/remote_memory.h"

namespace memfabric::transport {

/// Begins a transfer of pieces that lie in host memory.
using BeginTransfer =
    std::function<Result<std::unique_ptr<RemoteTransfer>>(std::span<const FabricPiece> pieces)>;

/// Moves pieces of device memory through two halves of pinned memory: while one is on its way, the device
/// copies the other. On return nobody touches the pieces any more.
Status move_through_host(memory::DeviceMemory& device, FabricFlow flow, std::span<const FabricPiece> pieces,
                         const BeginTransfer& begin);

}  // namespace memfabric::transport
