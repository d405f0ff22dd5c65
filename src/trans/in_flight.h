// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/deadline.h"
#include "base/mapping.h"
#include "memory/address_range.h"
#include "memory/segment.h"

namespace memfabric::trans {

/// Who is just copying to or from a target's memory, in a page that the target shares with its initiators.
///
/// The order that makes deregistration safe: an initiator announces the range it will touch, fences, then
/// looks at the registration table; the target changes the table, fences, then looks who has announced. One
/// of the two sees the other. Each initiator has a lane of its own, kept by a lock of the kernel that goes
/// with its process.
namespace in_flight_detail {
struct Header;
struct Lane;
}  // namespace in_flight_detail

/// Initiators of one target at most, and operations of one initiator at a time (further ones wait).
inline constexpr uint32_t kMaxLanes = 4096;
inline constexpr uint32_t kSlotsPerLane = 15;

/// The target's side.
class InFlightBoard {
 public:
    static Result<InFlightBoard> create(const std::string& name);

    int descriptor() const { return segment_.descriptor(); }
    static uint64_t size();

    /// Returns when no living initiator holds any of the range; a failure that names one where the deadline
    /// passes first. What is announced later does not count: the table was changed before.
    Status wait_until_free(memory::AddressRange range, Deadline deadline) const;

 private:
    InFlightBoard(memory::Segment segment, Mapping mapping, Fd lock)
        : segment_(std::move(segment)), mapping_(std::move(mapping)), lock_(std::move(lock)) {}
    /// The holder's name; empty where nobody holds any of it.
    std::string holder_of(memory::AddressRange range) const;
    bool lane_is_alive(uint32_t lane) const;

    memory::Segment segment_;
    Mapping mapping_;
    Fd lock_;  // keeps the owner's byte
};

/// An initiator's side: its lane in one target's page. Thread-safe.
class InFlightLane {
 public:
    /// `descriptor` is the target's, as it was handed over; `name` is how the target calls this initiator in
    /// its texts.
    static Result<std::unique_ptr<InFlightLane>> claim(Fd descriptor, const std::string& name);
    ~InFlightLane();
    InFlightLane(const InFlightLane&) = delete;
    InFlightLane& operator=(const InFlightLane&) = delete;

    /// Announces one operation while it exists. Waits for a free slot where all are taken.
    class Announcement {
     public:
        Announcement(InFlightLane& lane, memory::AddressRange envelope);
        ~Announcement();
        Announcement(const Announcement&) = delete;
        Announcement& operator=(const Announcement&) = delete;

     private:
        InFlightLane& lane_;
        uint32_t slot_;
    };

    /// Whether the target's process lives: it holds a lock on the page. One system call.
    bool target_is_alive() const;

    /// Use claim().
    InFlightLane(Fd descriptor, Mapping header, Mapping lane, uint32_t index);

 private:
    uint32_t take_slot();

    Fd descriptor_;  // keeps the lane
    Mapping header_mapping_;
    Mapping lane_mapping_;
    in_flight_detail::Header* header_;
    in_flight_detail::Lane* lane_;
    std::atomic<uint32_t> free_slots_;  // one bit each
};

}  // namespace memfabric::trans
