// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "copy/engine.h"
#include "runtime/runtime.h"
#include "trans/counters.h"
#include "trans/first_use.h"
#include "trans/in_flight.h"
#include "trans/path.h"
#include "trans/peer.h"
#include "trans/peer_counters.h"
#include "trans/session_record.h"
#include "trans/table_view.h"

namespace memfabric::trans {

/// A session on this host: the target's registration table, the lane in its page of operations under way, and
/// the ways to its memory.
class SameHostPeer final : public Peer {
 public:
    static Result<std::shared_ptr<Peer>> attach(Runtime& runtime, Counters& counters, std::string session,
                                                SessionRecord record, const std::string& own_session,
                                                Deadline deadline);
    /// Use attach().
    SameHostPeer(Runtime& runtime, Counters& counters, std::string session, SessionRecord record,
                 TableView table, std::unique_ptr<InFlightLane> lane);

    Attempt transfer(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) override;
    /// A target that died changes nothing: it waits a short while at most.
    void wait_change(uint32_t generation, Deadline deadline) override;
    bool is_alive() const override { return lane_->target_is_alive(); }
    bool is_over() const override { return true; }
    /// The store's word alone is not enough: the kernel says it, and at once, or the session itself.
    bool end() override { return table_.is_closed() || !is_alive(); }

 private:
    struct Plan;
    Status run(Direction direction, std::span<const copy::Piece> pieces,
               std::span<const TableView::Part> parts, Deadline deadline);
    Status run_plan(Direction direction, const Plan& plan, Deadline deadline);
    Status add_mapped(Direction direction, const copy::Piece& piece, const TableView::Part& part,
                      uint64_t done, Plan& plan, Deadline deadline);
    Status map_segment(uint32_t segment, Deadline deadline);
    Status open_other_path(Deadline deadline);
    Status move_other(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline);
    bool looks_alive();

    struct MappedSegment {
        Mapping mapping;
        uint64_t base = 0;  // in the target's address space
        FirstUse written;
    };

    Runtime& runtime_;
    Counters& counters_;
    const PeerCounters peer_counters_;
    const TableView table_;
    const std::unique_ptr<InFlightLane> lane_;
    const PathChoice choice_;
    std::atomic<int64_t> alive_at_{
        0};  // when the target was last seen alive, nanoseconds of the steady clock
    std::mutex paths_mutex_;
    std::map<uint32_t, MappedSegment> segments_;  // guarded by paths_mutex_; entries stay as long as this
    std::unique_ptr<PeerPath> other_path_;        // set once, under paths_mutex_
    std::atomic<PeerPath*> other_{nullptr};
};

}  // namespace memfabric::trans
