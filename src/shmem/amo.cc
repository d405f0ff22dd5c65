// SPDX-License-Identifier: Apache-2.0
// Atomic memory operations. The memory of every PE of the host is mapped here, so each is one instruction of
// the processor on the PE's own word, and one coherent set with what that PE's threads do to it.
#include <atomic>
#include <cstdint>

#include "shmem.h"
#include "shmem/amo_types.h"
#include "shmem/context.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

/// A word that two cache lines share would not be atomic.
[[noreturn]] [[gnu::cold]] [[gnu::noinline]] void fail_alignment(const char* call, const void* place,
                                                                 size_t size) {
    check_up(call);
    fail(call, "{} is no address of an atomic object of {} bytes: it has to be a multiple of that", place,
         size);
}

/// The word at PE `pe`. std::atomic_ref wants no const, also to read.
template <typename T>
std::atomic_ref<T> word(const T* place, int pe, const char* call) {
    if (reinterpret_cast<uintptr_t>(place) % sizeof(T) != 0) [[unlikely]] {
        fail_alignment(call, place, sizeof(T));
    }
    return std::atomic_ref<T>(*remote(const_cast<T*>(place), pe, call));
}

template <typename T>
T compare_swap(T* place, T expected, T desired, int pe, const char* call) {
    word(place, pe, call).compare_exchange_strong(expected, desired);
    return expected;
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::compare_swap;
using memfabric::shmem::ContextUse;
using memfabric::shmem::word;

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

#define MF_EXTENDED(name, type)                                                          \
    MF_FETCHING(name, type, const type, fetch, (), word(dest, pe, kCall).load())         \
    MF_SENDING(name, type, set, (, type value), (word(dest, pe, kCall).store(value), 0)) \
    MF_FETCHING(name, type, type, swap, (, type value), word(dest, pe, kCall).exchange(value))

#define MF_STANDARD(name, type)                                                         \
    MF_FETCHING(name, type, type, compare_swap, (, type cond, type value),              \
                compare_swap(dest, cond, value, pe, kCall))                             \
    MF_SENDING(name, type, inc, (), word(dest, pe, kCall).fetch_add(1))                 \
    MF_FETCHING(name, type, type, fetch_inc, (), word(dest, pe, kCall).fetch_add(1))    \
    MF_SENDING(name, type, add, (, type value), word(dest, pe, kCall).fetch_add(value)) \
    MF_FETCHING(name, type, type, fetch_add, (, type value), word(dest, pe, kCall).fetch_add(value))

#define MF_BITWISE(name, type)                                                                       \
    MF_SENDING(name, type, and, (, type value), word(dest, pe, kCall).fetch_and(value))              \
    MF_FETCHING(name, type, type, fetch_and, (, type value), word(dest, pe, kCall).fetch_and(value)) \
    MF_SENDING(name, type, or, (, type value), word(dest, pe, kCall).fetch_or(value))                \
    MF_FETCHING(name, type, type, fetch_or, (, type value), word(dest, pe, kCall).fetch_or(value))   \
    MF_SENDING(name, type, xor, (, type value), word(dest, pe, kCall).fetch_xor(value))              \
    MF_FETCHING(name, type, type, fetch_xor, (, type value), word(dest, pe, kCall).fetch_xor(value))

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
