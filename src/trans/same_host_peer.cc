// SPDX-License-Identifier: Apache-2.0
#include "trans/same_host_peer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "base/log.h"
#include "base/per_thread.h"
#include "memory/segment.h"
#include "trans/attach_path.h"
#include "trans/staging_path.h"

namespace memfabric::trans {
namespace {

/// A target that was seen alive within this time is not looked at again: its pid cannot belong to another
/// process yet.
constexpr int64_t kAliveFor = 10'000'000;  // nanoseconds
/// How long a wait for a registration sleeps at a time.
constexpr auto kLookAgain = std::chrono::milliseconds(20);
/// Pieces of one operation that are planned without allocating.
constexpr size_t kFewPieces = 8;
/// Bytes whose pages one thread enters at a time: some hundred microseconds.
constexpr size_t kLargestUnmapped = size_t{1} << 20;

int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

uint64_t remote_address(Direction direction, const copy::Piece& piece) {
    return direction == Direction::kWrite ? reinterpret_cast<uint64_t>(piece.destination)
                                          : reinterpret_cast<uint64_t>(piece.source);
}

/// Scratch of one thread: a batch of many pieces allocates nothing once it has grown.
struct Scratch {
    std::vector<memory::AddressRange> ranges;
    std::vector<TableView::Part> parts;
};

Scratch& scratch() {
    return per_thread<Scratch>();
}

memory::AddressRange envelope_of(std::span<const memory::AddressRange> ranges) {
    uint64_t begin = std::numeric_limits<uint64_t>::max();
    uint64_t end = 0;
    for (const memory::AddressRange& range : ranges) {
        begin = std::min(begin, range.begin);
        end = std::max(end, range.end());
    }
    return {begin, end - begin};
}

uint64_t total_of(std::span<const copy::Piece> pieces) {
    uint64_t total = 0;
    for (const copy::Piece& piece : pieces) {
        total += piece.size;
    }
    return total;
}

}  // namespace

struct SameHostPeer::Plan {
    std::vector<copy::Piece> mapped;  // both addresses are of this process
    std::vector<copy::Piece> other;   // the remote address is the peer's
    /// Of `mapped`, what this process writes for the first time, in parts that threads can share.
    std::vector<std::span<std::byte>> unmapped;

    void add_unmapped(std::span<std::byte> bytes) {
        for (; bytes.size() > kLargestUnmapped; bytes = bytes.subspan(kLargestUnmapped)) {
            unmapped.push_back(bytes.first(kLargestUnmapped));
        }
        unmapped.push_back(bytes);
    }
};

SameHostPeer::SameHostPeer(Runtime& runtime, Counters& counters, std::string session, SessionRecord record,
                           TableView table, std::unique_ptr<InFlightLane> lane)
    : Peer(std::move(session), std::move(record)),
      runtime_(runtime),
      counters_(counters),
      peer_counters_(this->session()),
      table_(std::move(table)),
      lane_(std::move(lane)),
      choice_(static_cast<PathChoice>(runtime.options().integer(OptionId::kTransPath))) {}

Result<std::shared_ptr<Peer>> SameHostPeer::attach(Runtime& runtime, Counters& counters, std::string session,
                                                   SessionRecord record, const std::string& own_session,
                                                   Deadline deadline) {
    transport::MappedTransport& mapped = runtime.mapped();
    MF_ASSIGN_OR_RETURN(Fd table_fd,
                        mapped.fetch({record.hand_over}, record.table_object(), record.token, deadline));
    MF_ASSIGN_OR_RETURN(Fd flights_fd,
                        mapped.fetch({record.hand_over}, record.flights_object(), record.token, deadline));
    MF_ASSIGN_OR_RETURN(TableView table, TableView::open(std::move(table_fd)));
    MF_ASSIGN_OR_RETURN(std::unique_ptr<InFlightLane> lane,
                        InFlightLane::claim(std::move(flights_fd), own_session));
    return std::shared_ptr<Peer>(std::make_shared<SameHostPeer>(
        runtime, counters, std::move(session), std::move(record), std::move(table), std::move(lane)));
}

void SameHostPeer::wait_change(uint32_t generation, Deadline deadline) {
    table_.wait_change(generation, deadline.sooner(Deadline::after(kLookAgain)));
}

bool SameHostPeer::looks_alive() {
    const int64_t now = now_ns();
    if (now - alive_at_.load(std::memory_order_relaxed) < kAliveFor) {
        return true;
    }
    if (!lane_->target_is_alive()) {
        return false;
    }
    alive_at_.store(now, std::memory_order_relaxed);
    return true;
}

SameHostPeer::Attempt SameHostPeer::transfer(Direction direction, std::span<const copy::Piece> pieces,
                                             Deadline deadline) {
    std::array<memory::AddressRange, kFewPieces> few;
    std::span<memory::AddressRange> ranges(few.data(), std::min(pieces.size(), kFewPieces));
    if (pieces.size() > kFewPieces) {
        scratch().ranges.resize(pieces.size());
        ranges = scratch().ranges;
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
        ranges[i] = {remote_address(direction, pieces[i]), pieces[i].size};
    }
    Attempt attempt;
    attempt.generation = table_.generation();
    if (!looks_alive()) {
        attempt.outcome = Outcome::kGone;
        return attempt;
    }
    std::vector<TableView::Part>& parts = scratch().parts;
    parts.clear();
    const InFlightLane::Announcement announcement(*lane_, envelope_of(ranges));
    TableView::Missing missing;
    switch (table_.check(ranges, parts, missing, deadline)) {
        case TableView::Outcome::kCovered:
            attempt.status = run(direction, pieces, parts, deadline);
            break;
        case TableView::Outcome::kMissing:
            attempt.outcome = Outcome::kMissing;
            attempt.missing = {missing.address, ranges[missing.piece].end() - missing.address};
            break;
        case TableView::Outcome::kClosed:
            attempt.outcome = Outcome::kGone;
            break;
        case TableView::Outcome::kBusy:
            attempt.outcome = Outcome::kBusy;
            break;
    }
    return attempt;
}

Status SameHostPeer::run(Direction direction, std::span<const copy::Piece> pieces,
                         std::span<const TableView::Part> parts, Deadline deadline) {
    const bool may_map = choice_ == PathChoice::kAuto || choice_ == PathChoice::kMapped;
    const bool any_mapped = may_map && std::any_of(parts.begin(), parts.end(),
                                                   [](const auto& part) { return part.segment != 0; });
    if (!any_mapped) {
        return move_other(direction, pieces, deadline);
    }
    Plan plan;
    uint64_t done = 0;  // of the piece
    for (size_t i = 0; i < parts.size(); ++i) {
        const TableView::Part& part = parts[i];
        done = i > 0 && parts[i - 1].piece == part.piece ? done : 0;
        const copy::Piece& piece = pieces[part.piece];
        if (part.segment != 0) {
            MF_RETURN_IF_ERROR(add_mapped(direction, piece, part, done, plan, deadline));
        } else {
            plan.other.push_back({piece.destination + done, piece.source + done, part.size});
        }
        done += part.size;
    }
    return run_plan(direction, plan, deadline);
}

Status SameHostPeer::add_mapped(Direction direction, const copy::Piece& piece, const TableView::Part& part,
                                uint64_t done, Plan& plan, Deadline deadline) {
    const std::lock_guard lock(paths_mutex_);
    if (!segments_.contains(part.segment)) {
        MF_RETURN_IF_ERROR(map_segment(part.segment, deadline));
    }
    MappedSegment& segment = segments_.at(part.segment);
    const uint64_t size = segment.mapping.size();
    const uint64_t offset = part.begin - segment.base;
    if (part.begin < segment.base || offset > size || part.size > size - offset) {
        return failure(Code::kRefused, "session {}: {} bytes at {:#x} lie outside its shared segment {}",
                       session(), part.size, part.begin, part.segment);
    }
    std::byte* const here = segment.mapping.data() + offset;
    if (direction == Direction::kRead) {
        plan.mapped.push_back({piece.destination + done, here, part.size});
        return {};
    }
    plan.mapped.push_back({here, piece.source + done, part.size});
    if (segment.written.note(offset, part.size)) {
        plan.add_unmapped({here, part.size});
    }
    return {};
}

Status SameHostPeer::run_plan(Direction direction, const Plan& plan, Deadline deadline) {
    // First what can fail, so that a refusal comes before the first byte as often as it can.
    if (!plan.other.empty()) {
        MF_RETURN_IF_ERROR(move_other(direction, plan.other, deadline));
    }
    const uint64_t bytes = total_of(plan.mapped);
    const observe::Timed timed(peer_counters_.of(direction, PathChoice::kMapped), bytes);
    runtime_.engine().team().run(static_cast<uint32_t>(plan.unmapped.size()),
                                 [&](uint32_t index) { map_pages(plan.unmapped[index]); });
    runtime_.engine().copy_batch(plan.mapped);
    // Memory of a process that died takes bytes like any other: only now is it known who got them.
    if (!is_alive()) {
        return failure(Code::kPeerLost, "the process of session {} has ended", session());
    }
    timed.done([&] { return peer_counters_.text(plan.mapped.size()); });
    counters_.count(PathChoice::kMapped, bytes);
    return {};
}

Status SameHostPeer::map_segment(uint32_t segment, Deadline deadline) {
    const std::optional<memory::AddressRange> place = table_.segment(segment);
    if (!place) {
        return failure(Code::kRefused, "session {} names shared segment {}, which its table lacks", session(),
                       segment);
    }
    MF_ASSIGN_OR_RETURN(Fd descriptor,
                        runtime_.mapped().fetch({record().hand_over}, record().segment_object(segment),
                                                record().token, deadline));
    MF_ASSIGN_OR_RETURN(const memory::Segment shared,
                        memory::Segment::adopt(std::move(descriptor), place->size));
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(shared.descriptor(), place->size));
    std::erase_if(segments_, [&](const auto& entry) { return !table_.segment(entry.first); });
    segments_.emplace(segment, MappedSegment{std::move(mapping), place->begin, {}});
    log_debug("session {}: its segment {} of {} bytes is mapped here and copied directly", session(), segment,
              place->size);
    return {};
}

Status SameHostPeer::open_other_path(Deadline deadline) {
    const std::lock_guard lock(paths_mutex_);
    if (other_path_ != nullptr) {
        return {};
    }
    if (choice_ == PathChoice::kMapped) {
        return failure(Code::kNotSupported,
                       "session {}: its memory there was not allocated by this library, and MF_TRANS_PATH "
                       "allows nothing but mapped memory",
                       session());
    }
    if (choice_ != PathChoice::kStaging) {
        Result<std::unique_ptr<PeerPath>> attached = AttachPath::open(runtime_, record());
        if (!attached.is_ok() &&
            (choice_ == PathChoice::kAttach || attached.status().code() != Code::kNotSupported)) {
            return attached.status();
        }
        if (attached.is_ok()) {
            other_path_ = std::move(attached).value();
        } else {
            log_debug("session {}: {}", session(), attached.status().message());
        }
    }
    if (other_path_ == nullptr) {
        MF_ASSIGN_OR_RETURN(Fd ring, runtime_.mapped().fetch({record().hand_over}, record().staging_object(),
                                                             record().token, deadline));
        MF_ASSIGN_OR_RETURN(other_path_, StagingPath::open(std::move(ring), [this] { return is_alive(); }));
    }
    log_debug(
        "session {}: private memory goes {}", session(),
        other_path_->kind() == PathChoice::kAttach ? "by cross-memory attach" : "through its staging ring");
    other_.store(other_path_.get(), std::memory_order_release);
    return {};
}

Status SameHostPeer::move_other(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) {
    PeerPath* path = other_.load(std::memory_order_acquire);
    if (path == nullptr) {
        MF_RETURN_IF_ERROR(open_other_path(deadline));
        path = other_.load(std::memory_order_acquire);
    }
    const uint64_t bytes = total_of(pieces);
    const observe::Timed timed(peer_counters_.of(direction, path->kind()), bytes);
    MF_RETURN_IF_ERROR(path->move(direction, pieces, deadline));
    timed.done([&] { return peer_counters_.text(pieces.size()); });
    counters_.count(path->kind(), bytes);
    return {};
}

}  // namespace memfabric::trans
