// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <span>
#include <string>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_endpoint.h"

namespace memfabric::transport {

/// The other side of a transfer.
struct TransferPeer {
    const std::string& name;
    const std::string& address;
    fi_addr_t handle;
    const std::atomic<bool>* abandoned;  // the process is known to be gone
};

/// Moves all pieces, `most_pieces` an operation, and returns when nobody touches their memory any more.
/// `retried` counts operations that were given to the engine again.
Status run_transfer(FabricEndpoint& endpoint, const TransferPeer& peer, FabricFlow flow,
                    std::span<const FabricPiece> pieces, size_t most_pieces, Deadline deadline,
                    uint64_t& retried);

}  // namespace memfabric::transport
