// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/fabric_types.h"
#include "transport/remote_memory.h"

namespace memfabric::transport {

struct FabricState;

/// Whether the fabric works in this process.
Status check_process();

/// As RemoteMemory::begin and RemoteMemory::post, of pieces that are inside their regions and none of a
/// device's memory.
std::unique_ptr<RemoteTransfer> begin_host(FabricState& state, const std::shared_ptr<FabricPeer>& peer,
                                           FabricFlow flow, std::span<const FabricPiece> pieces,
                                           Deadline deadline);
std::unique_ptr<RemoteTransfer> post_host(FabricState& state, const std::shared_ptr<FabricPeer>& peer,
                                          const FabricPiece& piece, Deadline deadline);

}  // namespace memfabric::transport
