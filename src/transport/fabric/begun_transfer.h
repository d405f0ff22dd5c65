// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "transport/fabric/drive.h"
#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/posted_put.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {

/// A transfer that goes on without its caller, and what it needs for that.
struct BegunTransfer {
    BegunTransfer(std::shared_ptr<FabricPeer> with, std::vector<FabricPiece> copied, FabricLane& lane,
                  FabricFlow flow, Cut cut, Deadline deadline, FlowCounts& counts)
        : peer(std::move(with)),
          pieces(std::move(copied)),
          home(lane),
          transfer(*peer, flow, pieces, cut, deadline, counts) {}

    std::shared_ptr<FabricPeer> peer;
    std::vector<FabricPiece> pieces;
    FabricLane& home;
    Transfer transfer;
};

/// Looks after those that are under way, on a thread of its own that starts with the first: what it does may
/// take a while.
class BegunTransfers {
 public:
    /// The lanes outlive it.
    explicit BegunTransfers(const FabricLanes& lanes) : lanes_(lanes) {}
    ~BegunTransfers();
    BegunTransfers(const BegunTransfers&) = delete;
    BegunTransfers& operator=(const BegunTransfers&) = delete;

    void add(std::shared_ptr<BegunTransfer> begun);
    void add(std::shared_ptr<PostedPut> posted);
    /// It is settled.
    void forget(const std::shared_ptr<PostedPut>& posted);

 private:
    void run(const std::stop_token& stop);
    void note_added();
    bool has_work() const { return !under_way_.empty() || !posted_.empty(); }

    const FabricLanes& lanes_;
    std::mutex mutex_;
    std::condition_variable_any added_;
    std::vector<std::shared_ptr<BegunTransfer>> under_way_;  // guarded by mutex_
    std::unordered_set<std::shared_ptr<PostedPut>> posted_;  // likewise
    bool sleeps_ = false;                                    // until something is added; guarded by mutex_
    std::jthread thread_;                                    // started under mutex_
};

}  // namespace memfabric::transport
