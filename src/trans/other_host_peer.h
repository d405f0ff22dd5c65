// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "trans/counters.h"
#include "trans/peer.h"
#include "trans/peer_counters.h"
#include "trans/region_cache.h"
#include "trans/remote_sessions.h"
#include "transport/remote_memory.h"

namespace memfabric::trans {

/// A session that is reached by the fabric. It tells by what keys its memory is reached, which are kept; it
/// asks for them back before it ends one.
class OtherHostPeer final : public Peer {
 public:
    static Result<std::shared_ptr<Peer>> attach(RemoteSessions& sessions, Counters& counters,
                                                std::string session, SessionRecord record, Deadline deadline);
    struct Ways {
        std::shared_ptr<transport::RemoteMemory> memory;
        std::shared_ptr<transport::RemotePeer> peer;
        std::shared_ptr<RegionCache> regions;
        Initiator own;
    };
    /// Use attach().
    OtherHostPeer(Ways ways, Counters& counters, std::string session, SessionRecord record);

    Attempt transfer(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) override;
    void wait_change(uint32_t generation, Deadline deadline) override;
    bool is_alive() const override { return !ended_.load(std::memory_order_acquire); }
    bool is_over() const override { return !is_alive(); }
    bool end() override;

 private:
    /// Sends what is planned, or asks for what that lacks; nothing where the caller has to try again.
    std::optional<Attempt> step(Direction direction, std::span<const copy::Piece> pieces, int& refusals,
                                Deadline deadline);
    std::optional<Attempt> send(Direction direction, std::span<const transport::FabricPiece> planned,
                                RegionCache::Use& use, int& refusals, Deadline deadline);
    std::optional<Attempt> ask(std::span<const memory::AddressRange> unknown, Deadline deadline);
    Attempt no_answer(const Status& status);
    void pause(std::chrono::microseconds duration, Deadline deadline);

    const Ways ways_;
    Counters& counters_;
    const PeerCounters peer_counters_;
    std::atomic<bool> ended_{false};
    std::mutex mutex_;
    std::condition_variable woken_;
};

}  // namespace memfabric::trans
