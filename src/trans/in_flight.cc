// SPDX-License-Identifier: Apache-2.0
#include "trans/in_flight.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/futex.h"
#include "observe/long_wait.h"
#include "trans/lane_lock.h"

namespace memfabric::trans {

namespace in_flight_detail {

constexpr size_t kNameLength = 104;

struct Slot {
    alignas(64) std::atomic<uint64_t> begin;
    std::atomic<uint64_t> end;  // 0: nothing is announced
};

struct Lane {
    std::atomic<uint32_t> claimed;
    int32_t pid;
    char name[kNameLength];
    alignas(64) Slot slots[kSlotsPerLane];
};

struct Header {
    std::atomic<uint32_t> lanes;    // lanes at and above it were never claimed
    std::atomic<uint32_t> waiting;  // deregistrations that want to hear of ends
    std::atomic<uint32_t> ends;     // futex: changes with an end that somebody waits for
};

}  // namespace in_flight_detail

namespace {

using in_flight_detail::Header;
using in_flight_detail::Lane;
using in_flight_detail::Slot;

// Both a multiple of every page size, so that a lane is committed and mapped by itself.
constexpr uint64_t kLaneSpace = uint64_t{64} << 10;
constexpr uint64_t kHeaderSpace = uint64_t{64} << 10;
static_assert(sizeof(Lane) <= 4096 && sizeof(Header) <= 4096);

/// The byte whose lock says that the target lives.
constexpr uint64_t kOwnerByte = 0;
/// How long a deregistration sleeps at a time: a dead initiator wakes nobody.
constexpr auto kLookAgain = std::chrono::milliseconds(20);

uint64_t lane_offset(uint32_t lane) {
    return kHeaderSpace + lane * kLaneSpace;
}

Lane& lane_at(const Mapping& board, uint32_t lane) {
    return *reinterpret_cast<Lane*>(board.data() + lane_offset(lane));
}

bool overlaps(const Slot& slot, memory::AddressRange range) {
    const uint64_t end = slot.end.load(std::memory_order_acquire);
    return end != 0 && slot.begin.load(std::memory_order_relaxed) < range.end() && end > range.begin;
}

}  // namespace

uint64_t InFlightBoard::size() {
    return lane_offset(kMaxLanes);
}

Result<InFlightBoard> InFlightBoard::create(const std::string& name) {
    // Always normal pages: a lane takes one of them.
    Options options;
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::create(name, size(), options, kHeaderSpace));
    MF_RETURN_IF_ERROR(segment.commit(0, sizeof(Header)));
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(segment.descriptor(), size()));
    MF_ASSIGN_OR_RETURN(Fd lock, reopen(segment.descriptor()));
    if (!lock_byte(lock.get(), kOwnerByte)) {
        return failure(Code::kError, "locking the owner's byte of '{}' failed ({})", name, errno_text(errno));
    }
    return InFlightBoard(std::move(segment), std::move(mapping), std::move(lock));
}

bool InFlightBoard::lane_is_alive(uint32_t lane) const {
    return byte_is_locked(segment_.descriptor(), lane_offset(lane));
}

std::string InFlightBoard::holder_of(memory::AddressRange range) const {
    const auto& header = *reinterpret_cast<const Header*>(mapping_.data());
    const uint32_t lanes = std::min(header.lanes.load(std::memory_order_acquire), kMaxLanes);
    for (uint32_t index = 0; index < lanes; ++index) {
        const Lane& lane = lane_at(mapping_, index);
        if (lane.claimed.load(std::memory_order_acquire) == 0) {
            continue;
        }
        for (const Slot& slot : lane.slots) {
            if (overlaps(slot, range) && lane_is_alive(index)) {
                const std::string name(lane.name, ::strnlen(lane.name, sizeof lane.name));
                return fmt::format("{} (process {})", name, lane.pid);
            }
        }
    }
    return {};
}

Status InFlightBoard::wait_until_free(memory::AddressRange range, Deadline deadline) const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    std::string holder = holder_of(range);
    if (holder.empty()) {
        return {};
    }
    auto& header = *reinterpret_cast<Header*>(mapping_.data());
    header.waiting.fetch_add(1, std::memory_order_seq_cst);
    observe::LongWait wait;
    while (true) {
        const uint32_t seen = header.ends.load(std::memory_order_seq_cst);
        holder = holder_of(range);
        if (holder.empty() || deadline.expired()) {
            break;
        }
        wait.look([&] {
            return fmt::format("the end of a transfer of {}, which uses {:#x} + {} bytes", holder,
                               range.begin, range.size);
        });
        futex_wait(header.ends, seen, deadline.sooner(Deadline::after(kLookAgain)));
    }
    header.waiting.fetch_sub(1, std::memory_order_relaxed);
    if (!holder.empty()) {
        return failure(Code::kResourceInUse, "a transfer of {} still uses it", holder);
    }
    return {};
}

InFlightLane::InFlightLane(Fd descriptor, Mapping header, Mapping lane, uint32_t index)
    : descriptor_(std::move(descriptor)),
      header_mapping_(std::move(header)),
      lane_mapping_(std::move(lane)),
      header_(reinterpret_cast<Header*>(header_mapping_.data())),
      lane_(reinterpret_cast<Lane*>(lane_mapping_.data())),
      free_slots_((1U << kSlotsPerLane) - 1) {
    for (uint32_t lanes = header_->lanes.load(); lanes <= index;) {
        if (header_->lanes.compare_exchange_weak(lanes, index + 1)) {
            break;
        }
    }
}

Result<std::unique_ptr<InFlightLane>> InFlightLane::claim(Fd descriptor, const std::string& name) {
    MF_ASSIGN_OR_RETURN(Fd own, reopen(descriptor.get()));
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::adopt(std::move(descriptor), InFlightBoard::size()));
    MF_ASSIGN_OR_RETURN(Mapping header, Mapping::shared(segment.descriptor(), kHeaderSpace));
    for (uint32_t index = 0; index < kMaxLanes; ++index) {
        if (!lock_byte(own.get(), lane_offset(index))) {
            continue;
        }
        MF_RETURN_IF_ERROR(segment.commit(lane_offset(index), sizeof(Lane)));
        MF_ASSIGN_OR_RETURN(Mapping mapping,
                            Mapping::shared(segment.descriptor(), kLaneSpace, lane_offset(index)));
        Lane& lane = *reinterpret_cast<Lane*>(mapping.data());
        for (Slot& slot : lane.slots) {
            slot.end.store(0, std::memory_order_relaxed);  // of a dead predecessor
        }
        lane.pid = ::getpid();
        const size_t length = std::min(name.size(), sizeof lane.name - 1);
        std::memcpy(lane.name, name.data(), length);
        lane.name[length] = '\0';
        lane.claimed.store(1, std::memory_order_release);
        return std::make_unique<InFlightLane>(std::move(own), std::move(header), std::move(mapping), index);
    }
    return failure(Code::kResourceInUse, "the peer serves {} initiators already", kMaxLanes);
}

InFlightLane::~InFlightLane() {
    lane_->claimed.store(0, std::memory_order_release);
}

uint32_t InFlightLane::take_slot() {
    uint32_t free = free_slots_.load(std::memory_order_relaxed);
    while (true) {
        if (free == 0) {
            free_slots_.wait(0, std::memory_order_relaxed);
            free = free_slots_.load(std::memory_order_relaxed);
        } else if (free_slots_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire,
                                                     std::memory_order_relaxed)) {
            return static_cast<uint32_t>(std::countr_zero(free));
        }
    }
}

InFlightLane::Announcement::Announcement(InFlightLane& lane, memory::AddressRange envelope)
    : lane_(lane), slot_(lane.take_slot()) {
    Slot& slot = lane_.lane_->slots[slot_];
    slot.begin.store(envelope.begin, std::memory_order_relaxed);
    slot.end.store(envelope.end(), std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

InFlightLane::Announcement::~Announcement() {
    lane_.lane_->slots[slot_].end.store(0, std::memory_order_seq_cst);
    if (lane_.header_->waiting.load(std::memory_order_seq_cst) != 0) {
        lane_.header_->ends.fetch_add(1, std::memory_order_relaxed);
        futex_wake_all(lane_.header_->ends);
    }
    if (lane_.free_slots_.fetch_or(1U << slot_, std::memory_order_release) == 0) {
        lane_.free_slots_.notify_all();
    }
}

bool InFlightLane::target_is_alive() const {
    return byte_is_locked(descriptor_.get(), kOwnerByte);
}

}  // namespace memfabric::trans
