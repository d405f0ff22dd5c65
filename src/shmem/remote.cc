// SPDX-License-Identifier: Apache-2.0
#include "shmem/remote.h"

#include <cstring>
#include <string>
#include <vector>

#include "shmem/amo.h"
#include "shmem/hosts.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/threads.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {
namespace {

void* pointer(uint64_t address) {
    return reinterpret_cast<void*>(address);
}

/// The text of the library's failure ends the job.
void expect_done(int32_t code, const char* what, size_t bytes, int pe, const char* call) {
    if (code != 0) {
        const char* why = smem_get_last_err_msg();
        fail(call, "{} of {} bytes, PE {}, failed: {}", what, bytes, pe, why == nullptr ? "" : why);
    }
}

bool is_one_copy(size_t bytes, int pe) {
    return bytes < kLarge && is_here(pe);
}

void put_to(uint64_t target, const void* source, size_t bytes, int pe, const char* call) {
    if (is_one_copy(bytes, pe)) {
        std::memcpy(pointer(target), source, bytes);
    } else {
        expect_done(smem_shm_put(heap_object(), pointer(target), source, bytes), "put", bytes, pe, call);
    }
}

void get_from(void* dest, uint64_t from, size_t bytes, int pe, const char* call) {
    if (is_one_copy(bytes, pe)) {
        std::memcpy(dest, pointer(from), bytes);
    } else {
        expect_done(smem_shm_get(heap_object(), dest, pointer(from), bytes), "get", bytes, pe, call);
    }
}

/// Bytes from the first to the last element's end.
size_t extent(const Strided& shape, size_t stride) {
    return shape.count == 0 ? 0 : ((shape.count - 1) * stride + 1) * shape.size;
}

/// Not inlined: with both widths in one function GCC 12.2 takes the values of the 64-bit and, or and xor for
/// 0.
template <typename T>
[[gnu::noinline]] uint64_t update_here(Atomic kind, T* place, T value, T expected) {
    const std::atomic_ref<T> word(*place);
    switch (kind) {
        case Atomic::kFetch:
            return apply<Atomic::kFetch>(word, value, expected);
        case Atomic::kSet:
            return apply<Atomic::kSet>(word, value, expected);
        case Atomic::kSwap:
            return apply<Atomic::kSwap>(word, value, expected);
        case Atomic::kCompareSwap:
            return apply<Atomic::kCompareSwap>(word, value, expected);
        case Atomic::kAdd:
            return apply<Atomic::kAdd>(word, value, expected);
        case Atomic::kAnd:
            return apply<Atomic::kAnd>(word, value, expected);
        case Atomic::kOr:
            return apply<Atomic::kOr>(word, value, expected);
        case Atomic::kXor:
            return apply<Atomic::kXor>(word, value, expected);
    }
    return 0;
}

}  // namespace

void put_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t target = window_address(dest, bytes, pe, call);
    if (bytes != 0) {
        put_to(target, source, bytes, pe, call);
    }
}

void get_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t from = window_address(source, bytes, pe, call);
    if (bytes != 0) {
        get_from(dest, from, bytes, pe, call);
    }
}

void put_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t target = window_address(dest, extent(shape, shape.dest_stride), pe, call);
    const auto* from = static_cast<const char*>(source);
    for (size_t i = 0; i < shape.count; ++i) {
        put_to(target + i * shape.dest_stride * shape.size, from + i * shape.source_stride * shape.size,
               shape.size, pe, call);
    }
}

void get_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t from = window_address(source, extent(shape, shape.source_stride), pe, call);
    auto* to = static_cast<char*>(dest);
    for (size_t i = 0; i < shape.count; ++i) {
        get_from(to + i * shape.dest_stride * shape.size, from + i * shape.source_stride * shape.size,
                 shape.size, pe, call);
    }
}

uint64_t update_slowly(Atomic kind, const void* place, size_t size, AtomicOperands operands, int pe,
                       const char* call) {
    const LongCall whole(call);
    const uint64_t word = window_address(place, size, pe, call);
    if (!is_here(pe)) {
        fail(call, "PE {} lives on another host, which atomics do not reach in this version", pe);
    }
    return size == sizeof(uint64_t)
               ? update_here(kind, static_cast<uint64_t*>(pointer(word)), operands.value, operands.expected)
               : update_here(kind, static_cast<uint32_t*>(pointer(word)),
                             static_cast<uint32_t>(operands.value), static_cast<uint32_t>(operands.expected));
}

void fail_alignment(const char* call, const void* place, size_t size) {
    check_up(call);
    fail(call, "{} is no address of an atomic object of {} bytes: it has to be a multiple of that", place,
         size);
}

}  // namespace memfabric::shmem
