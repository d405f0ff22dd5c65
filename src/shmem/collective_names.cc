// SPDX-License-Identifier: Apache-2.0
// Barriers and the collectives that move data, under all their names.
#include "shmem/collective.h"
#include "shmem/context.h"
#include "shmem/remote.h"
#include "shmem/state.h"

using namespace memfabric::shmem;

extern "C" {

void shmem_barrier_all(void) {
    const LongCall whole("shmem_barrier_all");
    check_up("shmem_barrier_all");
    finish_begun("shmem_barrier_all");
    if (state().checks) {
        agree_in_world("shmem_barrier_all", 0, 0);
    } else {
        barrier_of_world();
    }
}

void shmem_sync_all(void) {
    const LongCall whole("shmem_sync_all");
    check_up("shmem_sync_all");
    if (state().checks) {
        agree_in_world("shmem_sync_all", 0, 0);
    } else {
        barrier_of_world();
    }
}

void shmem_barrier(int PE_start, int logPE_stride, int PE_size, long* pSync) {
    finish_begun("shmem_barrier");
    Group(PE_start, logPE_stride, PE_size, pSync, "shmem_barrier").meet();
}

void shmem_sync(int PE_start, int logPE_stride, int PE_size, long* pSync) {
    Group(PE_start, logPE_stride, PE_size, pSync, "shmem_sync").meet();
}

int shmem_team_sync(shmem_team_t team) {
    if (team == SHMEM_TEAM_INVALID) {
        return -1;
    }
    Group(team, "shmem_team_sync").meet();
    return 0;
}

#define MOVES(T, SIZE, ALLTOALL, ALLTOALLS, BROADCAST, COLLECT, FCOLLECT)                                    \
    int shmem_##ALLTOALL(shmem_team_t team, T* dest, const T* source, size_t nelems) {                       \
        alltoall(Group(team, "shmem_" #ALLTOALL), dest, source, bytes_of(nelems, SIZE, "shmem_" #ALLTOALL)); \
        return 0;                                                                                            \
    }                                                                                                        \
    int shmem_##ALLTOALLS(shmem_team_t team, T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst,         \
                          size_t nelems) {                                                                   \
        alltoalls(Group(team, "shmem_" #ALLTOALLS), dest, source, dst, sst, nelems, SIZE);                   \
        return 0;                                                                                            \
    }                                                                                                        \
    int shmem_##BROADCAST(shmem_team_t team, T* dest, const T* source, size_t nelems, int PE_root) {         \
        broadcast(Group(team, "shmem_" #BROADCAST), dest, source,                                            \
                  bytes_of(nelems, SIZE, "shmem_" #BROADCAST), PE_root, true);                               \
        return 0;                                                                                            \
    }                                                                                                        \
    int shmem_##COLLECT(shmem_team_t team, T* dest, const T* source, size_t nelems) {                        \
        collect(Group(team, "shmem_" #COLLECT), dest, source, bytes_of(nelems, SIZE, "shmem_" #COLLECT));    \
        return 0;                                                                                            \
    }                                                                                                        \
    int shmem_##FCOLLECT(shmem_team_t team, T* dest, const T* source, size_t nelems) {                       \
        fcollect(Group(team, "shmem_" #FCOLLECT), dest, source, bytes_of(nelems, SIZE, "shmem_" #FCOLLECT)); \
        return 0;                                                                                            \
    }
#define TYPED_MOVES(T, N) \
    MOVES(T, sizeof(T), N##_alltoall, N##_alltoalls, N##_broadcast, N##_collect, N##_fcollect)
SHMEM_RMA_TYPES_(TYPED_MOVES)
MOVES(void, 1, alltoallmem, alltoallsmem, broadcastmem, collectmem, fcollectmem)

// The root of an active set's broadcast keeps its destination as it is.
#define ACTIVE_SET(B)                                                                                     \
    void shmem_broadcast##B(void* dest, const void* source, size_t nelems, int PE_root, int PE_start,     \
                            int logPE_stride, int PE_size, long* pSync) {                                 \
        const Group group(PE_start, logPE_stride, PE_size, pSync, "shmem_broadcast" #B);                  \
        broadcast(group, dest, source, bytes_of(nelems, B / 8, group.call()), PE_root, false);            \
    }                                                                                                     \
    void shmem_collect##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride,  \
                          int PE_size, long* pSync) {                                                     \
        const Group group(PE_start, logPE_stride, PE_size, pSync, "shmem_collect" #B);                    \
        collect(group, dest, source, bytes_of(nelems, B / 8, group.call()));                              \
    }                                                                                                     \
    void shmem_fcollect##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride, \
                           int PE_size, long* pSync) {                                                    \
        const Group group(PE_start, logPE_stride, PE_size, pSync, "shmem_fcollect" #B);                   \
        fcollect(group, dest, source, bytes_of(nelems, B / 8, group.call()));                             \
    }                                                                                                     \
    void shmem_alltoall##B(void* dest, const void* source, size_t nelems, int PE_start, int logPE_stride, \
                           int PE_size, long* pSync) {                                                    \
        const Group group(PE_start, logPE_stride, PE_size, pSync, "shmem_alltoall" #B);                   \
        alltoall(group, dest, source, bytes_of(nelems, B / 8, group.call()));                             \
    }                                                                                                     \
    void shmem_alltoalls##B(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems,  \
                            int PE_start, int logPE_stride, int PE_size, long* pSync) {                   \
        const Group group(PE_start, logPE_stride, PE_size, pSync, "shmem_alltoalls" #B);                  \
        alltoalls(group, dest, source, dst, sst, nelems, B / 8);                                          \
    }
ACTIVE_SET(32)
ACTIVE_SET(64)

}  // extern "C"
