// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "observe/board_layout.h"

#ifndef MEMFABRIC_COUNTERS
#define MEMFABRIC_COUNTERS 1
#endif

// The calling thread's cells, null before its first count. A name of the private C interface, since
// libmf_shmem.so counts in it too. Initial-exec: one load, as in base/pin.h.
extern "C"
    __attribute__((visibility("default"),
                   tls_model("initial-exec"))) __thread memfabric::observe::Cell* mf_private_counter_cells;

namespace memfabric::observe {

/// On mapped paths the time of one operation in so many is measured.
inline constexpr uint64_t kSampled = 1024;

/// Gives the calling thread cells of its own, and counts.
bool count_slowly(uint32_t cell, uint64_t bytes);

inline uint64_t bump(uint64_t& word, uint64_t by) {
    const std::atomic_ref<uint64_t> counter(word);
    const uint64_t now = counter.load(std::memory_order_relaxed) + by;
    counter.store(now, std::memory_order_relaxed);
    return now;
}

/// Counts one operation of that many bytes: nobody else writes the thread's cells, so there is no lock and
/// no atomic read-modify-write. Returns whether this one's time is to be measured, on mapped paths: every
/// 1024th in a cell.
inline bool count(uint32_t cell, uint64_t bytes) {
#if MEMFABRIC_COUNTERS
    Cell* const cells = mf_private_counter_cells;
    if (cells == nullptr) [[unlikely]] {
        return count_slowly(cell, bytes);
    }
    bump(cells[cell].bytes, bytes);
    return bump(cells[cell].operations, 1) % kSampled == 0;
#else
    static_cast<void>(cell);
    static_cast<void>(bytes);
    return false;
#endif
}

inline bool has_cells() {
    return mf_private_counter_cells != nullptr;
}

/// count() without its rare cases: false, and nothing is counted, where the thread has no cells yet or this
/// one's time is to be measured.
[[gnu::always_inline]] inline bool count_quickly(uint32_t number, uint64_t bytes) {
    Cell* const cells = mf_private_counter_cells;
    if (cells == nullptr) [[unlikely]] {
        return false;
    }
    Cell& cell = cells[number];
    const uint64_t operations = cell.operations + 1;
    if (operations % kSampled == 0) [[unlikely]] {
        return false;
    }
    std::atomic_ref(cell.operations).store(operations, std::memory_order_relaxed);
    bump(cell.bytes, bytes);
    return true;
}

/// Whether the operation that will be counted next in this cell is to be measured.
inline bool is_sampled(uint32_t cell) {
    const Cell* const cells = mf_private_counter_cells;
    return cells != nullptr && cells[cell].operations % kSampled == kSampled - 1;
}

/// The cell that counts operations of this kind with one peer. The same each time it is asked for by the
/// same name; what finds no room shares a cell that is called "other". Takes a lock: to be kept.
uint32_t cell_of(Operation operation, Path path, std::string_view peer);
/// The first of `count` cells, for the peers "LABEL n" with n from `number` on. At most kSpareCells.
uint32_t cells_of(Operation operation, Path path, std::string_view label, uint32_t number, uint32_t count);

/// Adds to the histogram of the operation on that path.
void record_time(Operation operation, Path path, std::chrono::nanoseconds time);

/// A function of the library has failed.
void count_error(const char* where, Code code);

}  // namespace memfabric::observe
