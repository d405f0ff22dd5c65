// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {

/// A transfer that goes on without its caller, and what it needs for that.
struct BegunTransfer {
    std::shared_ptr<FabricPeer> peer;
    std::vector<FabricPiece> pieces;
    Transfer transfer;
};

/// Those that are under way; the progress thread advances them.
class BegunTransfers {
 public:
    void add(std::shared_ptr<BegunTransfer> begun);
    /// True where any is still under way afterwards.
    bool advance_all();

 private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<BegunTransfer>> under_way_;  // guarded by mutex_
};

}  // namespace memfabric::transport
