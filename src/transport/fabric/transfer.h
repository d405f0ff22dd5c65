// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/fabric_peer.h"

namespace memfabric::transport {

/// What went one way and arrived.
struct FlowCounts {
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> calls{0};
    std::atomic<uint64_t> retried{0};  // operations that were given to the engine again
};

/// Pieces on their way to or from one peer. Whoever has time advances it: the caller that waits for it, or
/// the progress thread. Pieces, peer and endpoint outlive it.
class Transfer {
 public:
    Transfer(FabricEndpoint& endpoint, FabricPeer& peer, FabricFlow flow, Deadline deadline,
             FlowCounts& counts)
        : endpoint_(endpoint), peer_(peer), flow_(flow), deadline_(deadline), counts_(counts) {}

    /// To be called first, once; `most_pieces` an operation.
    void cut(std::span<const FabricPiece> pieces, size_t most_pieces);

    /// Gives the engine what it takes and looks at what became of the rest. True where it has ended: nobody
    /// touches the pieces' memory any more.
    bool advance();
    /// Advances it until it ended or `until` passed, spinning first. True where it has ended.
    bool drive(Deadline until);

    bool has_ended() const;
    /// What became of it. Only where it has ended.
    const Status& outcome() const { return outcome_; }

 private:
    using Clock = Deadline::Clock;

    size_t post_all();
    void note_failure(FabricOperation& operation);
    void ask_about_failures();
    Status hear_answer();
    Status look_around();
    Status judge(size_t done);
    void end(Status outcome);
    const char* verb() const { return flow_ == FabricFlow::kPut ? "put to" : "get from"; }

    FabricEndpoint& endpoint_;
    FabricPeer& peer_;
    const FabricFlow flow_;
    const Deadline deadline_;
    FlowCounts& counts_;
    std::atomic<bool> look_again_soon_{false};
    uint64_t bytes_ = 0;
    mutable std::mutex lock_;  // guards all below
    std::vector<FabricOperation> operations_;
    bool has_ended_ = false;
    Status outcome_;
    size_t done_ = 0;
    size_t in_flight_ = 0;
    Clock::time_point heard_ = Clock::now();  // when last an operation was done
    bool has_doubts_ = false;                 // operations failed that the peer was not asked about yet
    std::unique_ptr<RefusalQuestion> question_;
    std::shared_ptr<PeerWatch> watch_;
};

}  // namespace memfabric::transport
