// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/status.h"
#include "transport/fabric/fabric_types.h"
#include "transport/remote_memory.h"

namespace memfabric::transport {

/// Memory of an accelerator that the engine does not reach by itself. Any thread may call everything.
class DeviceMemory {
 public:
    virtual ~DeviceMemory() = default;
    virtual bool covers(const std::byte* address, size_t size) const = 0;
    /// Host memory that the device copies from and to at full speed.
    virtual Result<std::shared_ptr<std::byte[]>> pinned(size_t size) = 0;
    virtual Status to_host(std::byte* host, const std::byte* device, size_t size) = 0;
    virtual Status to_device(std::byte* device, const std::byte* host, size_t size) = 0;
};

/// Begins a transfer of pieces that lie in host memory.
using BeginTransfer =
    std::function<Result<std::unique_ptr<RemoteTransfer>>(std::span<const FabricPiece> pieces)>;

/// Moves pieces of device memory through two halves of pinned memory: while one is on its way, the device
/// copies the other. On return nobody touches the pieces any more.
Status move_through_host(DeviceMemory& device, FabricFlow flow, std::span<const FabricPiece> pieces,
                         const BeginTransfer& begin);

}  // namespace memfabric::transport
