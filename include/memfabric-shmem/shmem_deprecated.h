/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSHMEM has deprecated and programs still use; included by shmem.h. */
#ifndef MEMFABRIC_SHMEM_DEPRECATED_H
#define MEMFABRIC_SHMEM_DEPRECATED_H

void start_pes(int npes);
int _my_pe(void);
int _num_pes(void);
void* shmalloc(size_t size);
void shfree(void* ptr);
void* shrealloc(void* ptr, size_t size);
void* shmemalign(size_t alignment, size_t size);

#define SHMEM_DECLARE_OLD_SWAP_(T, N)               \
    T shmem_##N##_fetch(const T* source, int pe);   \
    void shmem_##N##_set(T* dest, T value, int pe); \
    T shmem_##N##_swap(T* dest, T value, int pe);
#define SHMEM_DECLARE_OLD_AMO_(T, N)                       \
    SHMEM_DECLARE_OLD_SWAP_(T, N)                          \
    T shmem_##N##_cswap(T* dest, T cond, T value, int pe); \
    T shmem_##N##_fadd(T* dest, T value, int pe);          \
    T shmem_##N##_finc(T* dest, int pe);                   \
    void shmem_##N##_add(T* dest, T value, int pe);        \
    void shmem_##N##_inc(T* dest, int pe);
SHMEM_DECLARE_OLD_AMO_(int, int)
SHMEM_DECLARE_OLD_AMO_(long, long)
SHMEM_DECLARE_OLD_AMO_(long long, longlong)
SHMEM_DECLARE_OLD_SWAP_(float, float)
SHMEM_DECLARE_OLD_SWAP_(double, double)

void shmem_short_wait(short* ivar, short cmp_value);
void shmem_int_wait(int* ivar, int cmp_value);
void shmem_long_wait(long* ivar, long cmp_value);
void shmem_longlong_wait(long long* ivar, long long cmp_value);
void shmem_wait(long* ivar, long cmp_value);
void shmem_wait_until(long* ivar, int cmp, long cmp_value);

/* Caches are coherent: nothing to do. */
void shmem_clear_cache_inv(void);
void shmem_set_cache_inv(void);
void shmem_clear_cache_line_inv(void* dest);
void shmem_set_cache_line_inv(void* dest);
void shmem_udcflush(void);
void shmem_udcflush_line(void* dest);

#endif
