// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

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

/// What every call looks at. Written by init and finalize alone, plain afterwards.
struct State {
    int me = -1;
    int pes = 0;
    uint64_t stride = 0;
    // Sync area and heap, where this process names them by their place in the window; and static data. Both
    // are empty with checks, so that each address is looked up in the ranges below and among the blocks.
    SymmetricRange region;
    SymmetricRange statics;
    SymmetricRange before_heap;  // the region's begin
    SymmetricRange all_statics;
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

/// The cold ends of the checks below.
void look_at_call(const char* call);  // returns where all is well
[[noreturn]] void fail_not_up(const char* call);
[[noreturn]] void fail_pe(const char* call, int pe);
[[noreturn]] void fail_address(const char* call, const void* address, size_t size);

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

/// Where PE `pe` has what lies there in this process's region.
inline uint64_t neighbour(uint64_t address, int pe) {
    return address + static_cast<uint64_t>(static_cast<int64_t>(pe) - state().me) * state().stride;
}

/// Whether heap memory of that place is allocated; asked with checks only.
bool is_allocated(uint64_t place, size_t size);

/// Where PE `pe` has what this process has at `address`, as a pointer of this process; `otherwise()` where
/// that is not symmetric, and always with checks on. It returns from each branch by itself: one test fewer on
/// the way.
template <typename Otherwise>
uint64_t translate_or(uint64_t address, size_t size, int pe, const Otherwise& otherwise) {
    const State& now = state();
    if (contains(now.region, address, size)) [[likely]] {
        return neighbour(address, pe);
    }
    if (contains(now.statics, address, size)) {
        return now.statics.window + static_cast<uint64_t>(pe) * now.stride + (address - now.statics.begin);
    }
    return otherwise();
}

/// With checks on: 0 where it is not symmetric, or heap memory that is not allocated.
uint64_t translate_checked(uint64_t address, size_t size, int pe);

/// The same, with checks or without.
inline uint64_t translate(uint64_t address, size_t size, int pe) {
    return translate_or(address, size, pe,
                        [&] { return state().checks ? translate_checked(address, size, pe) : 0; });
}

inline void check_pe(int pe, const char* call) {
    if (static_cast<unsigned>(pe) >= static_cast<unsigned>(state().pes)) [[unlikely]] {
        fail_pe(call, pe);
    }
}

/// What translate_or() did not find; ends the job where there is none, or the thread may not call.
void* remote_bytes_checked(const void* object, size_t size, int pe, const char* call);

/// PE `pe`'s object of `size` bytes; null where it has to be looked for by remote_bytes_checked().
inline void* remote_bytes_unchecked(const void* object, size_t size, int pe, const char* call) {
    check_pe(pe, call);
    const uint64_t found =
        translate_or(reinterpret_cast<uint64_t>(object), size, pe, [] { return uint64_t{0}; });
    return reinterpret_cast<void*>(found);
}

/// PE `pe`'s object of `size` bytes; ends the job where there is none.
inline void* remote_bytes(const void* object, size_t size, int pe, const char* call) {
    check_pe(pe, call);
    const uint64_t found = translate_or(reinterpret_cast<uint64_t>(object), size, pe, [&] {
        return reinterpret_cast<uint64_t>(remote_bytes_checked(object, size, pe, call));
    });
    return reinterpret_cast<void*>(found);
}

template <typename T>
T* remote(T* object, int pe, const char* call) {
    return static_cast<T*>(remote_bytes(object, sizeof(T), pe, call));
}

/// The heap's last word on the job: tells every PE, and ends this one.
[[noreturn]] void end_job(int status);

}  // namespace memfabric::shmem
