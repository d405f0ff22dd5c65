// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace memfabric::trans::staging {

/// The shared memory of a target's staging ring: a header, then lanes, one an initiator. A lane has two
/// cells, so that one is filled while the other is emptied. What stands in it is never trusted: the target
/// copies a request, then checks the copy.

inline constexpr uint32_t kLanes = 1024;
inline constexpr uint32_t kCells = 2;
/// Pieces and bytes of one request.
inline constexpr uint32_t kMaxEntries = 256;
inline constexpr uint64_t kDataSize = uint64_t{512} << 10;

enum State : uint32_t { kIdle, kRequested, kServing, kDone };
enum Outcome : uint32_t { kApplied, kNotRegistered, kNoMemory, kMalformed };

struct Entry {
    uint64_t address = 0;  // in the target
    uint64_t size = 0;     // its bytes follow those of the entry before it in the cell's data
};

struct Request {
    uint32_t is_read = 0;
    uint32_t count = 0;
    std::array<Entry, kMaxEntries> entries;
};

struct Answer {
    uint32_t outcome = kApplied;
    uint32_t entry = 0;  // that failed
};

struct Cell {
    alignas(64) std::atomic<uint32_t> state;  // futex of the initiator
    std::atomic<uint32_t> waiting;            // the initiator sleeps
    Answer answer;
    alignas(64) Request request;
};

struct Header {
    std::atomic<uint32_t> lanes;     // lanes at and above it were never claimed
    std::atomic<uint32_t> doorbell;  // futex of the target: changes with every request
    std::atomic<uint32_t> asleep;    // the target sleeps, or is about to
};

// Multiples of every page size, so that each part is committed and mapped by itself.
inline constexpr uint64_t kHeaderSpace = uint64_t{64} << 10;
inline constexpr uint64_t kControlSpace = uint64_t{64} << 10;
inline constexpr uint64_t kLaneSpace = kControlSpace + kCells * kDataSize;
static_assert(sizeof(Cell) * kCells <= kControlSpace);

constexpr uint64_t lane_offset(uint32_t lane) {
    return kHeaderSpace + lane * kLaneSpace;
}
constexpr uint64_t data_offset(uint32_t lane, uint32_t cell) {
    return lane_offset(lane) + kControlSpace + cell * kDataSize;
}
inline constexpr uint64_t kSize = lane_offset(kLanes);

}  // namespace memfabric::trans::staging
