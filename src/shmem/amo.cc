// SPDX-License-Identifier: Apache-2.0
// The functions for atomic memory operations.
#include "shmem/amo.h"

#include <cstdint>

#include "shmem.h"
#include "shmem/amo_types.h"
#include "shmem/context.h"

using memfabric::shmem::Atomic;
using memfabric::shmem::ContextUse;
using memfabric::shmem::update;

extern "C" {

// Each function, its form with a context, and where it fetches the forms that do so without blocking: what
// they fetch is there when they return. `parameters` and `arguments` are parenthesized lists behind the
// first.
#define MF_UNPACK(...) __VA_ARGS__

#define MF_SENDING(name, type, operation, parameters, expression)                                          \
    void shmem_##name##_atomic_##operation(type* dest MF_UNPACK parameters, int pe) {                      \
        constexpr const char* kCall = "shmem_" #name "_atomic_" #operation;                                \
        static_cast<void>(expression);                                                                     \
    }                                                                                                      \
    void shmem_ctx_##name##_atomic_##operation(shmem_ctx_t ctx, type* dest MF_UNPACK parameters, int pe) { \
        constexpr const char* kCall = "shmem_ctx_" #name "_atomic_" #operation;                            \
        const ContextUse use(ctx, kCall);                                                                  \
        pe = use.world_pe(pe);                                                                             \
        static_cast<void>(expression);                                                                     \
    }

#define MF_FETCHING(name, type, qualified, operation, parameters, expression)                         \
    type shmem_##name##_atomic_##operation(qualified* dest MF_UNPACK parameters, int pe) {            \
        constexpr const char* kCall = "shmem_" #name "_atomic_" #operation;                           \
        return expression;                                                                            \
    }                                                                                                 \
    type shmem_ctx_##name##_atomic_##operation(shmem_ctx_t ctx, qualified* dest MF_UNPACK parameters, \
                                               int pe) {                                              \
        constexpr const char* kCall = "shmem_ctx_" #name "_atomic_" #operation;                       \
        const ContextUse use(ctx, kCall);                                                             \
        pe = use.world_pe(pe);                                                                        \
        return expression;                                                                            \
    }                                                                                                 \
    void shmem_##name##_atomic_##operation##_nbi(type* fetch, qualified* dest MF_UNPACK parameters,   \
                                                 int pe) {                                            \
        constexpr const char* kCall = "shmem_" #name "_atomic_" #operation "_nbi";                    \
        *fetch = expression;                                                                          \
    }                                                                                                 \
    void shmem_ctx_##name##_atomic_##operation##_nbi(shmem_ctx_t ctx, type* fetch,                    \
                                                     qualified* dest MF_UNPACK parameters, int pe) {  \
        constexpr const char* kCall = "shmem_ctx_" #name "_atomic_" #operation "_nbi";                \
        const ContextUse use(ctx, kCall);                                                             \
        pe = use.world_pe(pe);                                                                        \
        *fetch = expression;                                                                          \
    }

#define MF_UPDATE(kind, type, value) update<Atomic::kind, type>(dest, value, pe, kCall)

#define MF_EXTENDED(name, type)                                                \
    MF_FETCHING(name, type, const type, fetch, (), MF_UPDATE(kFetch, type, 0)) \
    MF_SENDING(name, type, set, (, type value), MF_UPDATE(kSet, type, value))  \
    MF_FETCHING(name, type, type, swap, (, type value), MF_UPDATE(kSwap, type, value))

#define MF_STANDARD(name, type)                                                     \
    MF_FETCHING(name, type, type, compare_swap, (, type cond, type value),          \
                (update<Atomic::kCompareSwap, type>(dest, value, pe, kCall, cond))) \
    MF_SENDING(name, type, inc, (), MF_UPDATE(kAdd, type, 1))                       \
    MF_FETCHING(name, type, type, fetch_inc, (), MF_UPDATE(kAdd, type, 1))          \
    MF_SENDING(name, type, add, (, type value), MF_UPDATE(kAdd, type, value))       \
    MF_FETCHING(name, type, type, fetch_add, (, type value), MF_UPDATE(kAdd, type, value))

#define MF_BITWISE(name, type)                                                             \
    MF_SENDING(name, type, and, (, type value), MF_UPDATE(kAnd, type, value))              \
    MF_FETCHING(name, type, type, fetch_and, (, type value), MF_UPDATE(kAnd, type, value)) \
    MF_SENDING(name, type, or, (, type value), MF_UPDATE(kOr, type, value))                \
    MF_FETCHING(name, type, type, fetch_or, (, type value), MF_UPDATE(kOr, type, value))   \
    MF_SENDING(name, type, xor, (, type value), MF_UPDATE(kXor, type, value))              \
    MF_FETCHING(name, type, type, fetch_xor, (, type value), MF_UPDATE(kXor, type, value))

MF_EXTENDED_AMO_TYPES(MF_EXTENDED)
MF_AMO_TYPES(MF_STANDARD)
MF_BITWISE_AMO_TYPES(MF_BITWISE)

// The names before OpenSHMEM 1.4.
#define MF_OLD_EXTENDED(name, type)                            \
    type shmem_##name##_fetch(const type* dest, int pe) {      \
        return shmem_##name##_atomic_fetch(dest, pe);          \
    }                                                          \
    void shmem_##name##_set(type* dest, type value, int pe) {  \
        shmem_##name##_atomic_set(dest, value, pe);            \
    }                                                          \
    type shmem_##name##_swap(type* dest, type value, int pe) { \
        return shmem_##name##_atomic_swap(dest, value, pe);    \
    }
#define MF_OLD(name, type)                                                 \
    type shmem_##name##_cswap(type* dest, type cond, type value, int pe) { \
        return shmem_##name##_atomic_compare_swap(dest, cond, value, pe);  \
    }                                                                      \
    void shmem_##name##_inc(type* dest, int pe) {                          \
        shmem_##name##_atomic_inc(dest, pe);                               \
    }                                                                      \
    type shmem_##name##_finc(type* dest, int pe) {                         \
        return shmem_##name##_atomic_fetch_inc(dest, pe);                  \
    }                                                                      \
    void shmem_##name##_add(type* dest, type value, int pe) {              \
        shmem_##name##_atomic_add(dest, value, pe);                        \
    }                                                                      \
    type shmem_##name##_fadd(type* dest, type value, int pe) {             \
        return shmem_##name##_atomic_fetch_add(dest, value, pe);           \
    }
#define MF_OLD_TYPES(X) X(int, int) X(long, long) X(longlong, long long)

MF_OLD_EXTENDED(float, float)
MF_OLD_EXTENDED(double, double)
MF_OLD_TYPES(MF_OLD_EXTENDED)
MF_OLD_TYPES(MF_OLD)

}  // extern "C"
