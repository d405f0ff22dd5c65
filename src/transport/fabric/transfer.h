// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_operation.h"
#include "transport/fabric/fabric_peer.h"

namespace memfabric::transport {

class FabricEndpoint;
class FabricLane;

/// What went one way and arrived.
struct FlowCounts {
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> calls{0};
    std::atomic<uint64_t> retried{0};  // operations that were given to the engine again
};

/// How transfers are cut into operations.
struct Cut {
    size_t most_pieces = 1;        // an operation
    size_t most_bytes = 1U << 20;  // an operation: several lanes share them, and short ones wait for them
};

/// Pieces on their way to or from one peer, over one endpoint or several that take operations from it as they
/// have room. Pieces and peer outlive it; it makes no memory where nothing fails.
class Transfer {
 public:
    /// Whether the peer says when a put has arrived. Else it ends when its bytes have left this process.
    enum class Word : uint8_t { kAsked, kNone };
    Transfer(FabricPeer& peer, FabricFlow flow, std::span<const FabricPiece> pieces, Cut cut,
             Deadline deadline, FlowCounts& counts, Word word = Word::kAsked);
    /// Only where it has ended or never began.
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    FabricPeer& peer() const { return peer_; }
    FabricFlow flow() const { return flow_; }
    uint64_t bytes() const { return bytes_; }
    Deadline deadline() const { return deadline_; }
    Word word() const { return word_; }

    /// Nobody touches the pieces' memory any more.
    bool has_ended() const { return ended_.load(); }
    /// Only where it has ended.
    Status outcome() const;
    /// Whether there is something that an endpoint could take.
    bool wants_more() const;

    /// Why it should not go on. Never waits. What failed and may be tried again is there to be taken
    /// afterwards.
    Status judge();
    /// Whether the peer was asked something whose answer wakes nobody.
    bool has_doubts() const { return has_doubts_.load(std::memory_order_relaxed); }
    /// Whether operations had failed when judge() looked, told once: what it has to give may be with no lane,
    /// and is to be handed to one.
    bool take_need_for_lane();
    /// Nothing of it is under way, and has not been for a while, because no lane that has it takes anything.
    bool is_stuck() const;
    /// How often connections to the peer were to be made anew so far, where they are now: it answers, and
    /// none of its lanes takes anything. 0: no, or told before.
    int take_wish_for_connections();
    /// Whether it is to be found out if its connections are dead, told once: the peer answers, and nothing
    /// comes of what is under way.
    bool take_doubt_of_connections();
    /// The lanes that have gone silent since the last call, a bit each, while others lead to the peer: it is
    /// to leave them.
    uint64_t take_silent_lanes();
    /// Gives no operation away any more. It ends when the engine has given all back.
    void stop(Status reason);

    /// Where its end is told to a sleeping waiter; null: nobody sleeps.
    void set_waiter(FabricLane* lane) { waiter_ = lane; }

    // What endpoints call, under their own lock.
    enum class After { kGoesOn, kEnded };
    /// Fills the operation. False where there is nothing to do now.
    bool take(FabricOperation& operation);
    /// The engine has no room for it. The endpoint is to attach the transfer, unless that has ended: it may
    /// be gone then.
    After give_back(const FabricOperation& operation, FabricEndpoint& endpoint);
    /// `error` of libfabric, positive; 0: its bytes have arrived. After kEnded the transfer may be gone.
    After finish(const FabricOperation& operation, int error);
    /// The endpoint is going to know the transfer, and to forget it before it goes. False where it must not,
    /// since there is no memory for that: the transfer is stopped, and may be gone.
    bool note_attached(FabricEndpoint& endpoint);

 private:
    using Clock = Deadline::Clock;
    void doubt(const FabricOperation& operation, int error);
    void ask_about_failures();
    Status hear_answer();
    Status look_around();
    bool is_silent(Clock::time_point now) const;
    Status ask_where_silent();
    bool fill(FabricOperation& operation);
    bool note_attached_locked(FabricEndpoint& endpoint);
    void stop_without_memory();
    bool has_more() const { return !stopped_ && (!returned_.empty() || next_ < pieces_.size()); }
    bool end_if_over();
    const char* verb() const { return flow_ == FabricFlow::kPut ? "put to" : "get from"; }

    FabricPeer& peer_;
    const FabricFlow flow_;
    const std::span<const FabricPiece> pieces_;
    const Cut cut_;
    const Deadline deadline_;
    FlowCounts& counts_;
    const Word word_;
    uint64_t bytes_ = 0;
    std::atomic<bool> ended_{false};
    std::atomic<bool> has_doubts_{false};  // operations failed, and are not tried again yet
    std::atomic<FabricLane*> waiter_{nullptr};
    mutable std::mutex lock_;  // guards all below
    size_t next_ = 0;          // piece
    size_t offset_ = 0;        // in it
    size_t in_flight_ = 0;     // operations
    int wishes_ = 0;           // for connections
    bool has_wish_ = false;
    bool doubts_connections_ = false;
    bool needs_lane_ = false;
    bool stopped_ = false;
    Status outcome_;
    std::vector<FabricOperation> returned_;   // to be given to the engine again
    std::vector<FabricOperation> doubtful_;   // that failed; the peer is to be asked about them
    size_t asked_ = 0;                        // how many of these `question_` is about
    uint64_t arrived_ = 0;                    // bytes
    Clock::time_point heard_ = Clock::now();  // when last an operation was done
    std::unique_ptr<RefusalQuestion> question_;
    // About what nothing comes of, and when the next one may be asked.
    std::unique_ptr<RefusalQuestion> doubt_of_silence_;
    Clock::time_point ask_from_ = Clock::time_point::min();
    std::shared_ptr<PeerSigns> signs_;
    std::vector<FabricEndpoint*> attached_to_;
    uint64_t left_lanes_ = 0;  // that were silent when last looked at, a bit each
};

}  // namespace memfabric::transport
