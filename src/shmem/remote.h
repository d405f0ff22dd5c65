// SPDX-License-Identifier: Apache-2.0
// The long ways of remote access and atomics: to PEs of other hosts, and to whatever look_quickly() leaves.
// Wrong arguments end the job, and so does what cannot be done. All is done when they return, but for _nbi.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace memfabric::shmem {

/// From here on the copy engine is faster than one copy: streaming stores, and more threads than one.
inline constexpr size_t kLarge = size_t{4} << 20;  // bytes

/// Elements of `size` bytes; strides are in elements.
struct Strided {
    size_t size = 0;
    size_t count = 0;
    size_t dest_stride = 1;
    size_t source_stride = 1;
};

void put_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call);
void get_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call);
/// Of other hosts' PEs these may return earlier: both sides are in use until finish_begun().
void put_nbi_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call);
void get_nbi_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call);
void put_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call);
void get_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call);

/// What is done to a word of 4 or 8 bytes; numbered as in transport/remote_memory.h.
enum class Atomic : uint32_t { kFetch, kSet, kSwap, kCompareSwap, kAdd, kAnd, kOr, kXor };

/// The bits of numbers of 4 bytes are the lower half.
struct AtomicOperands {
    uint64_t value = 0;
    uint64_t expected = 0;  // of kCompareSwap
};

/// Returns the bits that were there before.
uint64_t update_slowly(Atomic kind, const void* place, size_t size, AtomicOperands operands, int pe,
                       const char* call);

/// Ends the job where `code`, of a library function that reaches PE `pe`, is no success; `what` begins the
/// text. Waits a moment where that PE is gone, for whoever knows why.
void expect_done(int32_t code, const char* what, size_t bytes, int pe, const char* call);

/// How many operations this process has begun that may go on without their caller, and how many of them, the
/// first ones, are known to be done.
extern std::atomic<uint64_t> begun;
extern std::atomic<uint64_t> finished;
void wait_for_begun(const char* call);

/// Returns when all that were begun before are done.
inline void finish_begun(const char* call) {
    if (begun.load() != finished.load()) [[unlikely]] {
        wait_for_begun(call);
    }
}

}  // namespace memfabric::shmem
