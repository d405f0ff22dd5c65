// SPDX-License-Identifier: Apache-2.0
// Puts that tell their arrival, and what is done with the signals.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shmem.h"
#include "shmem/amo.h"
#include "shmem/context.h"
#include "shmem/state.h"
#include "shmem/threads.h"

namespace memfabric::shmem {
namespace {

/// The signal is a locked instruction: it follows the data, also where those were non-temporal stores. To
/// another host's PE it is sent when the data are there.
void put_with_signal(void* dest, const void* source, size_t bytes, uint64_t* sig_addr, uint64_t signal,
                     int sig_op, int pe, const char* call) {
    const LongCall whole(call);
    check_place(sig_addr, sizeof signal, pe, call);
    if (sig_op != SHMEM_SIGNAL_SET && sig_op != SHMEM_SIGNAL_ADD) {
        fail(call, "signal operation {} is neither SHMEM_SIGNAL_SET nor SHMEM_SIGNAL_ADD", sig_op);
    }
    check_place(dest, bytes, pe, call);  // by the name of this call
    shmem_putmem(dest, source, bytes, pe);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sig_op == SHMEM_SIGNAL_SET) {
        update<Atomic::kSwap>(sig_addr, signal, pe, call);
    } else {
        update<Atomic::kAdd>(sig_addr, signal, pe, call);
    }
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::bytes_of;
using memfabric::shmem::ContextUse;
using memfabric::shmem::put_with_signal;

extern "C" {

#define MF_PUT_SIGNAL(function, type, bytes)                                                                \
    void shmem_##function(type* dest, const type* source, size_t nelems, uint64_t* sig_addr,                \
                          uint64_t signal, int sig_op, int pe) {                                            \
        constexpr const char* kCall = "shmem_" #function;                                                   \
        put_with_signal(dest, source, bytes_of(nelems, bytes, kCall), sig_addr, signal, sig_op, pe, kCall); \
    }                                                                                                       \
    void shmem_ctx_##function(shmem_ctx_t ctx, type* dest, const type* source, size_t nelems,               \
                              uint64_t* sig_addr, uint64_t signal, int sig_op, int pe) {                    \
        constexpr const char* kCall = "shmem_ctx_" #function;                                               \
        const ContextUse use(ctx, kCall);                                                                   \
        put_with_signal(dest, source, bytes_of(nelems, bytes, kCall), sig_addr, signal, sig_op,             \
                        use.world_pe(pe), kCall);                                                           \
    }
#define MF_BOTH(function, type, bytes)   \
    MF_PUT_SIGNAL(function, type, bytes) \
    MF_PUT_SIGNAL(function##_nbi, type, bytes)
#define MF_TYPED(name, type) MF_BOTH(name##_put_signal, type, sizeof(type))

MF_BOTH(putmem_signal, void, 1)
MF_BOTH(put8_signal, void, 1)
MF_BOTH(put16_signal, void, 2)
MF_BOTH(put32_signal, void, 4)
MF_BOTH(put64_signal, void, 8)
MF_BOTH(put128_signal, void, 16)
MF_TYPED(float, float)
MF_TYPED(double, double)
MF_TYPED(longdouble, long double)
MF_TYPED(char, char)
MF_TYPED(schar, signed char)
MF_TYPED(short, short)
MF_TYPED(int, int)
MF_TYPED(long, long)
MF_TYPED(longlong, long long)
MF_TYPED(uchar, unsigned char)
MF_TYPED(ushort, unsigned short)
MF_TYPED(uint, unsigned int)
MF_TYPED(ulong, unsigned long)
MF_TYPED(ulonglong, unsigned long long)
MF_TYPED(int8, int8_t)
MF_TYPED(int16, int16_t)
MF_TYPED(int32, int32_t)
MF_TYPED(int64, int64_t)
MF_TYPED(uint8, uint8_t)
MF_TYPED(uint16, uint16_t)
MF_TYPED(uint32, uint32_t)
MF_TYPED(uint64, uint64_t)
MF_TYPED(size, size_t)
MF_TYPED(ptrdiff, ptrdiff_t)

void shmem_signal_set(uint64_t* sig_addr, uint64_t signal, int pe) {
    shmem_uint64_atomic_set(sig_addr, signal, pe);
}

void shmem_signal_add(uint64_t* sig_addr, uint64_t signal, int pe) {
    shmem_uint64_atomic_add(sig_addr, signal, pe);
}

void shmem_ctx_signal_set(shmem_ctx_t ctx, uint64_t* sig_addr, uint64_t signal, int pe) {
    shmem_ctx_uint64_atomic_set(ctx, sig_addr, signal, pe);
}

void shmem_ctx_signal_add(shmem_ctx_t ctx, uint64_t* sig_addr, uint64_t signal, int pe) {
    shmem_ctx_uint64_atomic_add(ctx, sig_addr, signal, pe);
}

uint64_t shmem_signal_fetch(const uint64_t* sig_addr) {
    return shmem_uint64_atomic_fetch(sig_addr, shmem_my_pe());
}

uint64_t shmem_signal_wait_until(uint64_t* sig_addr, int cmp, uint64_t cmp_value) {
    shmem_uint64_wait_until(sig_addr, cmp, cmp_value);
    return shmem_signal_fetch(sig_addr);
}

}  // extern "C"
