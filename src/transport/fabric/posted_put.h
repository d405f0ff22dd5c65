// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "transport/fabric/drive.h"
#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {

/// A short put of which nothing comes back at first: its caller learns in another way that it arrived. What
/// is handed over is lost where its connection breaks; so whatever nobody has settled a while later is put
/// again, with word of it.
class PostedPut {
 public:
    PostedPut(std::shared_ptr<FabricPeer> peer, const FabricPiece& piece, FabricLane& home, Cut cut,
              Deadline deadline, FlowCounts& counts);
    PostedPut(const PostedPut&) = delete;
    PostedPut& operator=(const PostedPut&) = delete;

    FabricLane& home() const { return home_; }
    const FabricPeer& peer() const { return *peer_; }
    /// Ends when the bytes have left.
    Transfer& first() { return first_; }

    /// Whether it is known what became of it.
    bool is_decided();
    /// Only where it is decided.
    Status outcome();

    /// Puts it again, unless that is done already or the first put has not ended, or in vain.
    void confirm(const FabricLanes& lanes);
    /// What is to be done now and then while nobody waits for it.
    void look(const FabricLanes& lanes, Deadline::Clock::time_point now);
    /// Drives what is under way, until `until` at the latest. True where nobody touches the memory any more.
    bool drive(const FabricLanes& lanes, Deadline until);
    /// From now on nothing of it begins.
    void settle();

 private:
    Transfer* second();

    const std::shared_ptr<FabricPeer> peer_;
    const FabricPiece piece_;
    FabricLane& home_;
    const Cut cut_;
    const Deadline deadline_;
    FlowCounts& counts_;
    const Deadline::Clock::time_point posted_ = Deadline::Clock::now();
    std::mutex mutex_;
    bool is_settled_ = false;         // guarded by mutex_
    std::optional<Transfer> second_;  // likewise; stays once it is there
    Transfer first_;
};

}  // namespace memfabric::transport
