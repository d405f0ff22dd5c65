/* SPDX-License-Identifier: Apache-2.0 */
/* Collectives over teams and active sets; included by shmem.h. */
#ifndef MEMFABRIC_SHMEM_COLLECTIVE_H
#define MEMFABRIC_SHMEM_COLLECTIVE_H

void shmem_barrier_all(void);
void shmem_barrier(int PE_start, int logPE_stride, int PE_size, long* pSync);
void shmem_sync_all(void);
void shmem_sync(int PE_start, int logPE_stride, int PE_size, long* pSync);
int shmem_team_sync(shmem_team_t team);

#define SHMEM_DECLARE_MOVES_(T, ALLTOALL, ALLTOALLS, BROADCAST, COLLECT, FCOLLECT)                   \
    int shmem_##ALLTOALL(shmem_team_t team, T* dest, const T* source, size_t nelems);                \
    int shmem_##ALLTOALLS(shmem_team_t team, T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, \
                          size_t nelems);                                                            \
    int shmem_##BROADCAST(shmem_team_t team, T* dest, const T* source, size_t nelems, int PE_root);  \
    int shmem_##COLLECT(shmem_team_t team, T* dest, const T* source, size_t nelems);                 \
    int shmem_##FCOLLECT(shmem_team_t team, T* dest, const T* source, size_t nelems);
#define SHMEM_DECLARE_TYPED_MOVES_(T, N) \
    SHMEM_DECLARE_MOVES_(T, N##_alltoall, N##_alltoalls, N##_broadcast, N##_collect, N##_fcollect)
SHMEM_RMA_TYPES_(SHMEM_DECLARE_TYPED_MOVES_)
SHMEM_DECLARE_MOVES_(void, alltoallmem, alltoallsmem, broadcastmem, collectmem, fcollectmem)

#define SHMEM_DECLARE_REDUCE_(T, N, OP) \
    int shmem_##N##_##OP##_reduce(shmem_team_t team, T* dest, const T* source, size_t nreduce);
#define SHMEM_DECLARE_BITWISE_REDUCE_(T, N) \
    SHMEM_DECLARE_REDUCE_(T, N, and) SHMEM_DECLARE_REDUCE_(T, N, or) SHMEM_DECLARE_REDUCE_(T, N, xor)
#define SHMEM_DECLARE_COMPARE_REDUCE_(T, N) SHMEM_DECLARE_REDUCE_(T, N, max) SHMEM_DECLARE_REDUCE_(T, N, min)
#define SHMEM_DECLARE_ARITHMETIC_REDUCE_(T, N) \
    SHMEM_DECLARE_REDUCE_(T, N, sum) SHMEM_DECLARE_REDUCE_(T, N, prod)
SHMEM_BITWISE_REDUCE_TYPES_(SHMEM_DECLARE_BITWISE_REDUCE_)
SHMEM_COMPARE_REDUCE_TYPES_(SHMEM_DECLARE_COMPARE_REDUCE_)
SHMEM_COMPARE_REDUCE_TYPES_(SHMEM_DECLARE_ARITHMETIC_REDUCE_)
SHMEM_COMPLEX_REDUCE_TYPES_(SHMEM_DECLARE_ARITHMETIC_REDUCE_)

#define SHMEM_DECLARE_ACTIVE_SET_(B)                                                                      \
    void shmem_broadcast##B(void* dest, const void* source, size_t nelems, int PE_root, int PE_start,     \
                            int logPE_stride, int PE_size, long* pSync);                                  \
    void shmem_collect##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride,  \
                          int PE_size, long* pSync);                                                      \
    void shmem_fcollect##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride, \
                           int PE_size, long* pSync);                                                     \
    void shmem_alltoall##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride, \
                           int PE_size, long* pSync);                                                     \
    void shmem_alltoalls##B(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems,  \
                            int PE_start, int logPE_stride, int PE_size, long* pSync);
SHMEM_DECLARE_ACTIVE_SET_(32)
SHMEM_DECLARE_ACTIVE_SET_(64)

#define SHMEM_DECLARE_TO_ALL_(T, N, OP)                                                                   \
    void shmem_##N##_##OP##_to_all(T* dest, const T* source, int nreduce, int PE_start, int logPE_stride, \
                                   int PE_size, T* pWrk, long* pSync);
#define SHMEM_DECLARE_BITWISE_TO_ALL_(T, N) \
    SHMEM_DECLARE_TO_ALL_(T, N, and) SHMEM_DECLARE_TO_ALL_(T, N, or) SHMEM_DECLARE_TO_ALL_(T, N, xor)
#define SHMEM_DECLARE_COMPARE_TO_ALL_(T, N) SHMEM_DECLARE_TO_ALL_(T, N, max) SHMEM_DECLARE_TO_ALL_(T, N, min)
#define SHMEM_DECLARE_ARITHMETIC_TO_ALL_(T, N) \
    SHMEM_DECLARE_TO_ALL_(T, N, sum) SHMEM_DECLARE_TO_ALL_(T, N, prod)
SHMEM_BITWISE_TO_ALL_TYPES_(SHMEM_DECLARE_BITWISE_TO_ALL_)
SHMEM_COMPARE_TO_ALL_TYPES_(SHMEM_DECLARE_COMPARE_TO_ALL_)
SHMEM_COMPARE_TO_ALL_TYPES_(SHMEM_DECLARE_ARITHMETIC_TO_ALL_)
SHMEM_COMPLEX_REDUCE_TYPES_(SHMEM_DECLARE_ARITHMETIC_TO_ALL_)

#endif
