/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic memory operations, signals, waits, tests and locks; included by shmem.h. */
#ifndef MEMFABRIC_SHMEM_ATOMIC_H
#define MEMFABRIC_SHMEM_ATOMIC_H

#define SHMEM_DECLARE_AMO_BASIC_(T, N)                                                         \
    T shmem_##N##_atomic_fetch(const T* source, int pe);                                       \
    void shmem_##N##_atomic_set(T* dest, T value, int pe);                                     \
    T shmem_##N##_atomic_swap(T* dest, T value, int pe);                                       \
    void shmem_##N##_atomic_fetch_nbi(T* fetch, const T* source, int pe);                      \
    void shmem_##N##_atomic_swap_nbi(T* fetch, T* dest, T value, int pe);                      \
    T shmem_ctx_##N##_atomic_fetch(shmem_ctx_t ctx, const T* source, int pe);                  \
    void shmem_ctx_##N##_atomic_set(shmem_ctx_t ctx, T* dest, T value, int pe);                \
    T shmem_ctx_##N##_atomic_swap(shmem_ctx_t ctx, T* dest, T value, int pe);                  \
    void shmem_ctx_##N##_atomic_fetch_nbi(shmem_ctx_t ctx, T* fetch, const T* source, int pe); \
    void shmem_ctx_##N##_atomic_swap_nbi(shmem_ctx_t ctx, T* fetch, T* dest, T value, int pe);
SHMEM_STANDARD_AMO_TYPES_(SHMEM_DECLARE_AMO_BASIC_)
SHMEM_FLOAT_AMO_TYPES_(SHMEM_DECLARE_AMO_BASIC_)

#define SHMEM_DECLARE_AMO_(T, N)                                                                      \
    T shmem_##N##_atomic_compare_swap(T* dest, T cond, T value, int pe);                              \
    T shmem_##N##_atomic_fetch_inc(T* dest, int pe);                                                  \
    void shmem_##N##_atomic_inc(T* dest, int pe);                                                     \
    T shmem_##N##_atomic_fetch_add(T* dest, T value, int pe);                                         \
    void shmem_##N##_atomic_add(T* dest, T value, int pe);                                            \
    void shmem_##N##_atomic_compare_swap_nbi(T* fetch, T* dest, T cond, T value, int pe);             \
    void shmem_##N##_atomic_fetch_inc_nbi(T* fetch, T* dest, int pe);                                 \
    void shmem_##N##_atomic_fetch_add_nbi(T* fetch, T* dest, T value, int pe);                        \
    T shmem_ctx_##N##_atomic_compare_swap(shmem_ctx_t ctx, T* dest, T cond, T value, int pe);         \
    T shmem_ctx_##N##_atomic_fetch_inc(shmem_ctx_t ctx, T* dest, int pe);                             \
    void shmem_ctx_##N##_atomic_inc(shmem_ctx_t ctx, T* dest, int pe);                                \
    T shmem_ctx_##N##_atomic_fetch_add(shmem_ctx_t ctx, T* dest, T value, int pe);                    \
    void shmem_ctx_##N##_atomic_add(shmem_ctx_t ctx, T* dest, T value, int pe);                       \
    void shmem_ctx_##N##_atomic_compare_swap_nbi(shmem_ctx_t ctx, T* fetch, T* dest, T cond, T value, \
                                                 int pe);                                             \
    void shmem_ctx_##N##_atomic_fetch_inc_nbi(shmem_ctx_t ctx, T* fetch, T* dest, int pe);            \
    void shmem_ctx_##N##_atomic_fetch_add_nbi(shmem_ctx_t ctx, T* fetch, T* dest, T value, int pe);
SHMEM_STANDARD_AMO_TYPES_(SHMEM_DECLARE_AMO_)

#define SHMEM_DECLARE_AMO_BIT_(T, N, OP)                                            \
    void shmem_##N##_atomic_##OP(T* dest, T value, int pe);                         \
    T shmem_##N##_atomic_fetch_##OP(T* dest, T value, int pe);                      \
    void shmem_##N##_atomic_fetch_##OP##_nbi(T* fetch, T* dest, T value, int pe);   \
    void shmem_ctx_##N##_atomic_##OP(shmem_ctx_t ctx, T* dest, T value, int pe);    \
    T shmem_ctx_##N##_atomic_fetch_##OP(shmem_ctx_t ctx, T* dest, T value, int pe); \
    void shmem_ctx_##N##_atomic_fetch_##OP##_nbi(shmem_ctx_t ctx, T* fetch, T* dest, T value, int pe);
#define SHMEM_DECLARE_AMO_BITS_(T, N) \
    SHMEM_DECLARE_AMO_BIT_(T, N, and) \
    SHMEM_DECLARE_AMO_BIT_(T, N, or)  \
    SHMEM_DECLARE_AMO_BIT_(T, N, xor)
SHMEM_BITWISE_AMO_TYPES_(SHMEM_DECLARE_AMO_BITS_)

/* Signals; setting and adding alone as in OpenSHMEM 1.6. */
uint64_t shmem_signal_fetch(const uint64_t* sig_addr);
uint64_t shmem_signal_wait_until(uint64_t* sig_addr, int cmp, uint64_t cmp_value);
void shmem_signal_set(uint64_t* sig_addr, uint64_t signal, int pe);
void shmem_signal_add(uint64_t* sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_set(shmem_ctx_t ctx, uint64_t* sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_add(shmem_ctx_t ctx, uint64_t* sig_addr, uint64_t signal, int pe);

#define SHMEM_DECLARE_WAIT_(T, N)                                                                            \
    void shmem_##N##_wait_until(T* ivar, int cmp, T cmp_value);                                              \
    void shmem_##N##_wait_until_all(T* ivars, size_t nelems, const int* status, int cmp, T cmp_value);       \
    size_t shmem_##N##_wait_until_any(T* ivars, size_t nelems, const int* status, int cmp, T cmp_value);     \
    size_t shmem_##N##_wait_until_some(T* ivars, size_t nelems, size_t* indices, const int* status, int cmp, \
                                       T cmp_value);                                                         \
    void shmem_##N##_wait_until_all_vector(T* ivars, size_t nelems, const int* status, int cmp,              \
                                           const T* cmp_values);                                             \
    size_t shmem_##N##_wait_until_any_vector(T* ivars, size_t nelems, const int* status, int cmp,            \
                                             const T* cmp_values);                                           \
    size_t shmem_##N##_wait_until_some_vector(T* ivars, size_t nelems, size_t* indices, const int* status,   \
                                              int cmp, const T* cmp_values);                                 \
    int shmem_##N##_test(T* ivar, int cmp, T cmp_value);                                                     \
    int shmem_##N##_test_all(T* ivars, size_t nelems, const int* status, int cmp, T cmp_value);              \
    size_t shmem_##N##_test_any(T* ivars, size_t nelems, const int* status, int cmp, T cmp_value);           \
    size_t shmem_##N##_test_some(T* ivars, size_t nelems, size_t* indices, const int* status, int cmp,       \
                                 T cmp_value);                                                               \
    int shmem_##N##_test_all_vector(T* ivars, size_t nelems, const int* status, int cmp,                     \
                                    const T* cmp_values);                                                    \
    size_t shmem_##N##_test_any_vector(T* ivars, size_t nelems, const int* status, int cmp,                  \
                                       const T* cmp_values);                                                 \
    size_t shmem_##N##_test_some_vector(T* ivars, size_t nelems, size_t* indices, const int* status,         \
                                        int cmp, const T* cmp_values);
SHMEM_STANDARD_AMO_TYPES_(SHMEM_DECLARE_WAIT_)
/* Deprecated, and there for programs of before 1.4. */
SHMEM_DECLARE_WAIT_(short, short)
SHMEM_DECLARE_WAIT_(unsigned short, ushort)

void shmem_set_lock(long* lock);
void shmem_clear_lock(long* lock);
int shmem_test_lock(long* lock);

#endif
