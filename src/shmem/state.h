// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace memfabric::shmem {

/// A symmetric range as this process names it, and where it lies in the window: PE p has it at
/// window + p * stride.
struct SymmetricRange {
    uint64_t begin = 0;  // in this process
    uint64_t size = 0;   // 0: there is none
    uint64_t window = 0;
};

/// Numbered as in mf_private_shmem_cells().
enum class Counter : uint32_t { kPut, kGet, kAtomic };
inline constexpr size_t kCounters = 3;

/// Where PE 0's operations of a kind are counted, in bytes behind a thread's first cell; the other PEs'
/// follow. A distance, and beside the rest that a call looks at: on a way of some forty instructions each one
/// shows.
struct CounterPlace {
    ptrdiff_t cells = 0;
    ptrdiff_t words = 0;  // for those of observe::kWordBytes bytes
};

/// What every call looks at. Written by init and finalize alone, plain afterwards.
struct State {
    // The run of PEs around this one that live on this host: their memory is reached by pointers at once.
    unsigned first_here = 0;
    unsigned count_here = 0;
    uint64_t stride = 0;
    // Sync area and heap, where this process names them by their place in the window; and static data. Both
    // are empty with checks, so that each address is looked up in the ranges below and among the blocks.
    SymmetricRange region;
    SymmetricRange statics;
    std::array<CounterPlace, kCounters> counters;  // by Counter
    SymmetricRange whole_region;
    SymmetricRange before_heap;  // the region's begin
    SymmetricRange all_statics;
    int me = -1;
    int pes = 0;
    unsigned busy_here = 0;   // PEs of this host, and one more where other hosts' operations are dealt with
    uint64_t heap_begin = 0;  // in this process
    uint64_t heap_size = 0;
    bool is_up = false;
    bool is_free = false;          // up, and every thread may call
    bool is_over = false;          // finalized, or a forked child
    bool is_child = false;         // forked by a PE
    bool checks = false;           // also what costs time: whether all PEs call the same collectives
    bool watches_threads = false;  // with checks: not every thread may call at any time
};

extern State the_state;
inline const State& state() {
    return the_state;
}

/// Prints "SHMEM PE n: call: text" and ends the job.
[[noreturn]] void fail_text(const char* call, const std::string& text);

template <typename... Arguments>
[[noreturn]] void fail(const char* call, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fail_text(call, fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// The cold ends of the check below.
void look_at_call(const char* call);  // returns where all is well
[[noreturn]] void fail_not_up(const char* call);

inline void check_up(const char* call) {
    if (!state().is_free) [[unlikely]] {
        look_at_call(call);
    }
}

/// -1 in a forked child, which is no PE; ends the job before init and after finalize.
inline int number_of_pe(int number, const char* call) {
    if (state().is_child) {
        return -1;
    }
    check_up(call);
    return number;
}

/// Of `count` elements of `size` bytes; ends the job where no number can say it.
inline size_t bytes_of(size_t count, size_t size, const char* call) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) [[unlikely]] {
        fail(call, "{} elements of {} bytes are more than there can be", count, size);
    }
    return bytes;
}

inline bool contains(const SymmetricRange& range, uint64_t address, size_t size) {
    const uint64_t offset = address - range.begin;
    return offset < range.size && size <= range.size - offset;
}

/// Where PE `pe` has what this process has `offset` bytes behind the range's begin.
inline uint64_t place_in_window(const SymmetricRange& range, uint64_t offset, int pe) {
    return range.window + static_cast<uint64_t>(pe) * state().stride + offset;
}

/// Whether heap memory of that place is allocated; asked with checks only.
bool is_allocated(uint64_t place, size_t size);

/// For the lambdas of short calls: a closure that is handed to a function has to be stored.
#define MF_INLINE __attribute__((always_inline))

/// What most calls come down to: `here`, given a pointer to PE `pe`'s object, where that PE is in the run
/// around this one and the object in the region or static data. All else is left to `otherwise`, which takes
/// the long way of remote.h: other PEs, everything with checks on, and what is wrong. `here` follows in each
/// branch by itself: one test fewer on the way.
template <typename T, typename Here, typename Otherwise>
[[gnu::always_inline]] inline auto look_quickly(T* object, size_t size, int pe, const Here& here,
                                                const Otherwise& otherwise) {
    const State& now = state();
    if (static_cast<unsigned>(pe) - now.first_here < now.count_here) [[likely]] {
        const auto address = reinterpret_cast<uint64_t>(object);
        if (contains(now.region, address, size)) [[likely]] {
            return here(reinterpret_cast<T*>(place_in_window(now.region, address - now.region.begin, pe)));
        }
        if (contains(now.statics, address, size)) {
            return here(reinterpret_cast<T*>(place_in_window(now.statics, address - now.statics.begin, pe)));
        }
    }
    return otherwise();
}

/// Where PE `pe` of the job has it; 0 where that is not symmetric or, with checks on, heap memory that is not
/// allocated. A pointer where is_here(pe), else an address for the library's remote operations.
uint64_t find_in_window(const void* object, size_t size, int pe);

/// The same; ends the job where there is no such PE or nothing there, or the thread may not call. No bytes
/// may be anywhere, also at a null pointer.
uint64_t window_address(const void* object, size_t size, int pe, const char* call);

/// Ends the job where PE `pe` has nothing there.
inline void check_place(const void* object, size_t size, int pe, const char* call) {
    look_quickly(
        object, size, pe, [](const void*) {},
        [&] { static_cast<void>(window_address(object, size, pe, call)); });
}

/// What look_quickly() did not find, for calls that need a pointer; ends the job where there is none.
void* locate_here(const void* object, size_t size, int pe, const char* call);

/// The object of PE `pe`, which lives on this host; ends the job where there is none.
inline void* remote_bytes(const void* object, size_t size, int pe, const char* call) {
    return look_quickly(
        const_cast<void*>(object), size, pe, [](void* found) { return found; },
        [&] { return locate_here(object, size, pe, call); });
}

template <typename T>
T* remote(T* object, int pe, const char* call) {
    return static_cast<T*>(remote_bytes(object, sizeof(T), pe, call));
}

/// The heap's last word on the job: tells every PE, and ends this one.
[[noreturn]] void end_job(int status);

}  // namespace memfabric::shmem
