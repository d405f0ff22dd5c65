// SPDX-License-Identifier: Apache-2.0
#include "shmem/remote.h"

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "capi/private_api.h"
#include "shmem/amo.h"
#include "shmem/counters.h"
#include "shmem/hosts.h"
#include "shmem/loss.h"
#include "shmem/short_memory.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/threads.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {

std::atomic<uint64_t> begun{0};
std::atomic<uint64_t> finished{0};

namespace {

void* pointer(uint64_t address) {
    return reinterpret_cast<void*>(address);
}

bool is_one_copy(size_t bytes, int pe) {
    return bytes < kLarge && is_here(pe);
}

void put_to(uint64_t target, const void* source, size_t bytes, int pe, const char* call) {
    if (is_one_copy(bytes, pe)) {
        counted(Counter::kPut, pe, bytes, [=] { std::memcpy(pointer(target), source, bytes); });
    } else {
        expect_done(smem_shm_put(heap_object(), pointer(target), source, bytes), "put", bytes, pe, call);
    }
}

void get_from(void* dest, uint64_t from, size_t bytes, int pe, const char* call) {
    if (is_one_copy(bytes, pe)) {
        counted(Counter::kGet, pe, bytes, [=] { std::memcpy(dest, pointer(from), bytes); });
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

void expect_done(int32_t code, const char* what, size_t bytes, int pe, const char* call) {
    if (code == 0) {
        return;
    }
    take_memory_or_end(call, [&] {
        const std::string why = smem_get_last_err_msg();
        if (code == SM_PEER_LOST) {
            end_by_loss(static_cast<uint32_t>(pe), why);
        }
        fail(call, "{} of {} bytes, PE {}, failed: {}", what, bytes, pe, why);
    });
}

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

void put_nbi_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t target = window_address(dest, bytes, pe, call);
    if (bytes == 0) {
        return;
    }
    if (is_here(pe)) {
        put_to(target, source, bytes, pe, call);
        return;
    }
    expect_done(mf_private_shm_put_nbi(heap_object(), pointer(target), source, bytes), "put", bytes, pe,
                call);
    ++begun;
}

void get_nbi_slowly(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t from = window_address(source, bytes, pe, call);
    if (bytes == 0) {
        return;
    }
    if (is_here(pe)) {
        get_from(dest, from, bytes, pe, call);
        return;
    }
    expect_done(mf_private_shm_get_nbi(heap_object(), dest, pointer(from), bytes), "get", bytes, pe, call);
    ++begun;
}

void wait_for_begun(const char* call) {
    const uint64_t wanted = begun;
    if (const int32_t code = mf_private_shm_quiet(heap_object()); code != 0) {
        if (code == SM_PEER_LOST) {
            // Which PE it is the library tells end_by_loss(), after it has told us: that ends the process, on
            // another thread, and has this long for it.
            std::this_thread::sleep_for(std::chrono::seconds(2));
        }
        fail(call, "a non-blocking operation failed: {}", smem_get_last_err_msg());
    }
    uint64_t known = finished;
    while (known < wanted && !finished.compare_exchange_weak(known, wanted)) {
    }
}

void put_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t target = window_address(dest, extent(shape, shape.dest_stride), pe, call);
    const size_t dest_step = shape.dest_stride * shape.size;
    const size_t source_step = shape.source_stride * shape.size;
    if (shape.count != 0 && !is_here(pe)) {
        expect_done(mf_private_shm_put_rows(heap_object(), pointer(target), dest_step, source, source_step,
                                            shape.size, shape.count),
                    "strided put", shape.size * shape.count, pe, call);
        return;
    }
    counted(Counter::kPut, pe, shape.size * shape.count, [=] {
        for (size_t i = 0; i < shape.count; ++i) {
            std::memcpy(pointer(target + i * dest_step), static_cast<const char*>(source) + i * source_step,
                        shape.size);
        }
    });
}

void get_strided_slowly(void* dest, const void* source, const Strided& shape, int pe, const char* call) {
    const LongCall whole(call);
    const uint64_t from = window_address(source, extent(shape, shape.source_stride), pe, call);
    const size_t dest_step = shape.dest_stride * shape.size;
    const size_t source_step = shape.source_stride * shape.size;
    if (shape.count != 0 && !is_here(pe)) {
        expect_done(mf_private_shm_get_rows(heap_object(), dest, dest_step, pointer(from), source_step,
                                            shape.size, shape.count),
                    "strided get", shape.size * shape.count, pe, call);
        return;
    }
    counted(Counter::kGet, pe, shape.size * shape.count, [=] {
        for (size_t i = 0; i < shape.count; ++i) {
            std::memcpy(static_cast<char*>(dest) + i * dest_step, pointer(from + i * source_step),
                        shape.size);
        }
    });
}

uint64_t update_slowly(Atomic kind, const void* place, size_t size, AtomicOperands operands, int pe,
                       const char* call) {
    const LongCall whole(call);
    const uint64_t word = window_address(place, size, pe, call);
    if (!is_here(pe)) {
        uint64_t before = 0;
        expect_done(
            mf_private_shm_atomic(heap_object(), pointer(word), static_cast<uint32_t>(size),
                                  static_cast<uint32_t>(kind), operands.value, operands.expected, &before),
            "atomic operation", size, pe, call);
        return before;
    }
    return counted(Counter::kAtomic, pe, size, [&] {
        return size == sizeof(uint64_t) ? update_here(kind, static_cast<uint64_t*>(pointer(word)),
                                                      operands.value, operands.expected)
                                        : update_here(kind, static_cast<uint32_t*>(pointer(word)),
                                                      static_cast<uint32_t>(operands.value),
                                                      static_cast<uint32_t>(operands.expected));
    });
}

void fail_alignment(const char* call, const void* place, size_t size) {
    check_up(call);
    fail(call, "{} is no address of an atomic object of {} bytes: it has to be a multiple of that", place,
         size);
}

}  // namespace memfabric::shmem
