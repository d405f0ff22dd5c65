// SPDX-License-Identifier: Apache-2.0
#include "trans/staging_path.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/futex.h"
#include "trans/lane_lock.h"

namespace memfabric::trans {

using staging::Answer;
using staging::Cell;

namespace {

/// Looks at the answer this often before it sleeps.
constexpr int kLooksBeforeSleep = 500;
/// Sleeps this long at a time: a target that died wakes nobody.
constexpr auto kLookAgain = std::chrono::milliseconds(20);

/// False where the target is serving a predecessor's request: it will answer into the cell.
bool take_over(Cell& cell) {
    uint32_t state = cell.state.load();
    while (state != staging::kServing) {
        if (cell.state.compare_exchange_weak(state, staging::kIdle)) {
            return true;
        }
    }
    return false;
}

uint64_t remote_of(Direction direction, const copy::Piece& piece) {
    return direction == Direction::kWrite ? reinterpret_cast<uint64_t>(piece.destination)
                                          : reinterpret_cast<uint64_t>(piece.source);
}

}  // namespace

Result<std::unique_ptr<PeerPath>> StagingPath::open(Fd descriptor, IsAlive target_is_alive) {
    MF_ASSIGN_OR_RETURN(Fd own, reopen(descriptor.get()));
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::adopt(std::move(descriptor), staging::kSize));
    return std::unique_ptr<PeerPath>(
        std::make_unique<StagingPath>(std::move(segment), std::move(own), std::move(target_is_alive)));
}

Status StagingPath::claim_lane() {
    if (lane_mapping_.data() != nullptr) {
        return {};
    }
    if (header_mapping_.data() == nullptr) {
        MF_ASSIGN_OR_RETURN(header_mapping_, Mapping::shared(segment_.descriptor(), staging::kHeaderSpace));
    }
    for (uint32_t lane = 0; lane < staging::kLanes; ++lane) {
        if (!lock_byte(own_.get(), staging::lane_offset(lane))) {
            continue;
        }
        MF_RETURN_IF_ERROR(segment_.commit(staging::lane_offset(lane), staging::kLaneSpace));
        MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(segment_.descriptor(), staging::kLaneSpace,
                                                             staging::lane_offset(lane)));
        auto* const cells = reinterpret_cast<Cell*>(mapping.data());
        if (!std::all_of(cells, cells + staging::kCells, take_over)) {
            continue;  // a request of a predecessor is just being applied; the lane stays locked by us
        }
        lane_mapping_ = std::move(mapping);
        for (uint32_t lanes = header().lanes.load(); lanes <= lane;) {
            if (header().lanes.compare_exchange_weak(lanes, lane + 1)) {
                break;
            }
        }
        return {};
    }
    return failure(Code::kResourceInUse, "the peer's staging ring serves {} initiators already",
                   staging::kLanes);
}

Status StagingPath::move(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) {
    const std::lock_guard lock(mutex_);
    MF_RETURN_IF_ERROR(claim_lane());
    return run(direction, pieces, deadline);
}

Status StagingPath::run(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) {
    Progress progress;
    Status status;
    bool any_in_ring = true;
    for (uint32_t cell = 0; any_in_ring; cell = (cell + 1) % staging::kCells) {
        Chunk& chunk = chunks_[cell];
        if (chunk.in_ring) {
            Status finished = status.is_ok() ? finish(direction, cell, deadline) : Status();
            if (!status.is_ok() && !take_back(cell)) {
                finished = finish(direction, cell, deadline);
            }
            chunk.in_ring = false;
            status = status.is_ok() ? std::move(finished) : std::move(status);
        }
        if (status.is_ok() && progress.piece < pieces.size()) {
            fill(direction, pieces, progress, cell);
            request(cell);
        }
        any_in_ring = std::any_of(std::begin(chunks_), std::end(chunks_),
                                  [](const Chunk& other) { return other.in_ring; });
    }
    // A request that the target is still serving will be answered into its cell.
    if (!status.is_ok() && std::any_of(&cell_at(0), &cell_at(0) + staging::kCells, [](const Cell& cell) {
            return cell.state.load() == staging::kServing;
        })) {
        give_lane_up();
    }
    return status;
}

void StagingPath::fill(Direction direction, std::span<const copy::Piece> pieces, Progress& progress,
                       uint32_t cell) {
    Chunk& chunk = chunks_[cell];
    staging::Request& request = cell_at(cell).request;
    chunk.stretches.clear();
    uint64_t used = 0;
    while (progress.piece < pieces.size() && chunk.stretches.size() < staging::kMaxEntries &&
           used < staging::kDataSize) {
        const copy::Piece& piece = pieces[progress.piece];
        const size_t size = std::min<uint64_t>(piece.size - progress.offset, staging::kDataSize - used);
        const copy::Piece stretch{piece.destination + progress.offset, piece.source + progress.offset, size};
        request.entries[chunk.stretches.size()] = {remote_of(direction, stretch), size};
        if (direction == Direction::kWrite) {
            std::memcpy(data_at(cell) + used, stretch.source, size);
        }
        chunk.stretches.push_back(stretch);
        used += size;
        progress.offset += size;
        if (progress.offset == piece.size) {
            progress = {progress.piece + 1, 0};
        }
    }
    request.is_read = direction == Direction::kRead ? 1 : 0;
    request.count = static_cast<uint32_t>(chunk.stretches.size());
}

void StagingPath::request(uint32_t cell) {
    chunks_[cell].in_ring = true;
    cell_at(cell).state.store(staging::kRequested, std::memory_order_seq_cst);
    header().doorbell.fetch_add(1, std::memory_order_seq_cst);
    if (header().asleep.load(std::memory_order_seq_cst) != 0) {
        futex_wake_all(header().doorbell);
    }
}

Status StagingPath::await(Cell& cell, Deadline deadline) {
    for (int looks = 0; looks < kLooksBeforeSleep; ++looks) {
        if (cell.state.load(std::memory_order_acquire) == staging::kDone) {
            return {};
        }
        std::this_thread::yield();
    }
    cell.waiting.store(1, std::memory_order_seq_cst);
    Status status;
    for (uint32_t state = 0; (state = cell.state.load(std::memory_order_seq_cst)) != staging::kDone;) {
        if (!target_is_alive_()) {
            status = Status(Code::kPeerLost, "the peer's process ended while it served the transfer");
            break;
        }
        if (deadline.expired()) {
            status = Status(Code::kTimeout,
                            "the peer, which has to take the bytes out of its staging ring, did not do so by "
                            "the deadline (MF_TRANS_TIMEOUT); is its process stopped?");
            break;
        }
        futex_wait(cell.state, state, deadline.sooner(Deadline::after(kLookAgain)));
    }
    cell.waiting.store(0, std::memory_order_relaxed);
    return status;
}

Status StagingPath::finish(Direction direction, uint32_t index, Deadline deadline) {
    Cell& cell = cell_at(index);
    const Chunk& chunk = chunks_[index];
    Status awaited = await(cell, deadline);
    if (!awaited.is_ok()) {
        static_cast<void>(take_back(index));
        return awaited;
    }
    const Answer answer = cell.answer;
    cell.state.store(staging::kIdle, std::memory_order_relaxed);
    if (answer.outcome != staging::kApplied) {
        return explain(direction, answer, chunk);
    }
    if (direction == Direction::kRead) {
        const std::byte* from = data_at(index);
        for (const copy::Piece& stretch : chunk.stretches) {
            std::memcpy(stretch.destination, from, stretch.size);
            from += stretch.size;
        }
    }
    return {};
}

Status StagingPath::explain(Direction direction, const Answer& answer, const Chunk& chunk) const {
    const size_t index = std::min<size_t>(answer.entry, chunk.stretches.size() - 1);
    const copy::Piece& stretch = chunk.stretches[index];
    const uint64_t remote = remote_of(direction, stretch);
    switch (answer.outcome) {
        case staging::kNotRegistered:
            return failure(Code::kRefused, "the peer has no registration for {:#x} + {} bytes", remote,
                           stretch.size);
        case staging::kNoMemory:
            return failure(Code::kError,
                           "the peer's memory at {:#x} + {} bytes is registered but not there (any more): it "
                           "was freed before it was deregistered",
                           remote, stretch.size);
        default:
            return failure(Code::kError, "the peer did not understand the request for {:#x} + {} bytes",
                           remote, stretch.size);
    }
}

/// True where the peer will not apply the request any more, or has done so.
bool StagingPath::take_back(uint32_t cell) {
    std::atomic<uint32_t>& state = cell_at(cell).state;
    uint32_t requested = staging::kRequested;
    return state.compare_exchange_strong(requested, staging::kIdle) || requested != staging::kServing;
}

/// The next operation takes another lane.
void StagingPath::give_lane_up() {
    lane_mapping_.reset();
    Result<Fd> fresh = reopen(segment_.descriptor());
    if (fresh.is_ok()) {
        own_ = std::move(fresh).value();
    }
}

}  // namespace memfabric::trans
