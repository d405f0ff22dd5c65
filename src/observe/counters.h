// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
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

/// Give the calling thread cells of its own, and count.
bool count_slowly(uint32_t cell, uint64_t bytes);
bool count_word_slowly(uint32_t word);

inline uint64_t bump(uint64_t& word, uint64_t by) {
    const std::atomic_ref<uint64_t> counter(word);
    const uint64_t now = counter.load(std::memory_order_relaxed) + by;
    counter.store(now, std::memory_order_relaxed);
    return now;
}

/// Counts one operation in a cell of the calling thread's. Nobody else writes it, so there is no lock and no
/// atomic read-modify-write. Returns whether this one's time is to be measured, on mapped paths: every 1024th
/// in a cell.
inline bool add_to(Cell& cell, uint64_t bytes) {
    bump(cell.bytes, bytes);
    return bump(cell.operations, 1) % kSampled == 0;
}

/// Word `number` of the thread whose cells these are, as words_of() numbers them.
inline uint64_t& word_at(Cell* cells, uint32_t number) {
    return reinterpret_cast<uint64_t*>(cells)[number];
}

/// What lies `at` bytes behind the first of a thread's cells.
template <typename T>
T* behind(Cell* cells, ptrdiff_t at) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(cells) + at);
}

/// Counts one operation of that many bytes; whether its time is to be measured.
inline bool count(uint32_t cell, uint64_t bytes) {
#if MEMFABRIC_COUNTERS
    Cell* const cells = mf_private_counter_cells;
    if (cells == nullptr) [[unlikely]] {
        return count_slowly(cell, bytes);
    }
    return add_to(cells[cell], bytes);
#else
    static_cast<void>(cell);
    static_cast<void>(bytes);
    return false;
#endif
}

/// One operation more of those that this word counts, but for the rare cases: false, and nothing is counted,
/// where its time is to be measured.
[[gnu::always_inline]] inline bool bump_quickly(uint64_t& word) {
    const uint64_t operations = word + 1;
    if (operations % kSampled == 0) [[unlikely]] {
        return false;
    }
    std::atomic_ref(word).store(operations, std::memory_order_relaxed);
    return true;
}

/// count() without its rare cases, for cell `index` of those that begin `at` bytes behind the thread's first:
/// false, and nothing is counted, where the thread has no cells yet or this one's time is to be measured.
[[gnu::always_inline]] inline bool count_quickly(ptrdiff_t at, int index, uint64_t bytes) {
    if (mf_private_counter_cells == nullptr) [[unlikely]] {
        return false;
    }
    Cell& cell = behind<Cell>(mf_private_counter_cells, at)[index];
    if (!bump_quickly(cell.operations)) [[unlikely]] {
        return false;
    }
    bump(cell.bytes, bytes);
    return true;
}

/// The same of an operation of kWordBytes bytes, for word `index` of those that begin there.
[[gnu::always_inline]] inline bool count_word_quickly(ptrdiff_t at, int index) {
    return mf_private_counter_cells != nullptr &&
           bump_quickly(behind<uint64_t>(mf_private_counter_cells, at)[index]);
}

/// Whether one of those that will be counted next in this cell, `next` of them, is to be measured.
inline bool is_sampled(uint32_t cell, uint64_t next) {
    const Cell* const cells = mf_private_counter_cells;
    return cells != nullptr && cells[cell].operations % kSampled + next >= kSampled;
}

/// The cell that counts operations of this kind with one peer. The same each time it is asked for by the
/// same name; what finds no room shares a cell that is called "other". Takes a lock: to be kept.
uint32_t cell_of(Operation operation, Path path, std::string_view peer);
/// The first of `count` cells, for the peers "LABEL n" with n from `number` on. At most kSpareCells.
uint32_t cells_of(Operation operation, Path path, std::string_view label, uint32_t number, uint32_t count);
/// The same with words, of which the first one is that of the first cell's peer: operations of kWordBytes
/// bytes go into the one or the other.
struct Words {
    uint32_t first_cell = 0;
    uint32_t first_word = 0;
};
Words words_of(Operation operation, Path path, std::string_view label, uint32_t number, uint32_t count);

/// Adds to the histogram of the operation on that path.
void record_time(Operation operation, Path path, std::chrono::nanoseconds time);

/// A function of the library has failed.
void count_error(const char* where, Code code);

}  // namespace memfabric::observe
