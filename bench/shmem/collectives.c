// SPDX-License-Identifier: Apache-2.0
// Barriers and collectives over all PEs, in the active-set forms, which both contenders have.
#include <shmem.h>
#include <stdio.h>

#include "measure.h"

// A PE is at most one round of all roots ahead of another one, so that no work array is in use twice.
enum { kMostPes = 16, kArrays = 2 * kMostPes };
static const size_t kLargest = (size_t)1 << 20;

static long* sync_arrays;
static long* work;
static long* source;
static long* target;
static size_t elements;  // of 8 bytes, that each PE contributes
static long turn;        // goes on over all measurements, so that neighbours of one kind share no array
static int pes;

static long* sync_of(size_t length) {
    return sync_arrays + (size_t)(turn++ % kArrays) * length;
}

static void barrier(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        shmem_barrier_all();
    }
}

// The root goes round, so that the next call waits for this one's data to have arrived.
static void broadcast(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        const int root = (int)(turn % pes);
        shmem_broadcast64(target, source, elements, root, 0, 0, pes, sync_of(SHMEM_BCAST_SYNC_SIZE));
    }
}

static void fcollect(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        shmem_fcollect64(target, source, elements, 0, 0, pes, sync_of(SHMEM_COLLECT_SYNC_SIZE));
    }
}

static void sum_reduce(long iterations) {
    const size_t half = elements / 2 + 1;
    const size_t length = half > SHMEM_REDUCE_MIN_WRKDATA_SIZE ? half : SHMEM_REDUCE_MIN_WRKDATA_SIZE;
    for (long i = 0; i < iterations; ++i) {
        long* own_work = work + (size_t)(turn % 2) * length;
        shmem_long_sum_to_all(target, source, (int)elements, 0, 0, pes, own_work,
                              sync_of(SHMEM_REDUCE_SYNC_SIZE));
    }
}

static void alltoall(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        shmem_alltoall64(target, source, elements, 0, 0, pes, sync_of(SHMEM_ALLTOALL_SYNC_SIZE));
    }
}

void barriers(void) {
    char metric[64];
    snprintf(metric, sizeof metric, "shmem_barrier_all_%dpe", shmem_n_pes());
    measure_together(metric, barrier);
}

static void clear_sync_arrays(size_t length) {
    shmem_barrier_all();
    for (size_t i = 0; i < length * kArrays; ++i) {
        sync_arrays[i] = SHMEM_SYNC_VALUE;
    }
    turn = 0;
    shmem_barrier_all();
}

typedef struct {
    const char* name;
    operation run;
    size_t sync_length;
} kind;

static const kind kBroadcast = {"broadcast", broadcast, SHMEM_BCAST_SYNC_SIZE};
static const kind kFcollect = {"fcollect", fcollect, SHMEM_COLLECT_SYNC_SIZE};
static const kind kSumReduce = {"sum_reduce", sum_reduce, SHMEM_REDUCE_SYNC_SIZE};
static const kind kAlltoall = {"alltoall", alltoall, SHMEM_ALLTOALL_SYNC_SIZE};

static const kind* const kKinds[] = {&kBroadcast, &kFcollect, &kSumReduce, &kAlltoall};
enum { kKindCount = sizeof kKinds / sizeof *kKinds };

static void make_room(size_t largest) {
    pes = shmem_n_pes();
    size_t longest = 0;
    for (size_t i = 0; i < kKindCount; ++i) {
        longest = kKinds[i]->sync_length > longest ? kKinds[i]->sync_length : longest;
    }
    sync_arrays = symmetric(longest * kArrays * sizeof *sync_arrays);
    source = symmetric(largest * (size_t)pes);
    target = symmetric(largest * (size_t)pes);
    work = symmetric(2 * largest);
}

void collectives(void) {
    static const struct {
        const char* name;
        size_t bytes;
    } sizes[] = {{"8B", 8}, {"4KiB", 4096}, {"1MiB", (size_t)1 << 20}};
    make_room(kLargest);
    for (size_t i = 0; i < kKindCount; ++i) {
        clear_sync_arrays(kKinds[i]->sync_length);
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; ++size) {
            char metric[64];
            elements = sizes[size].bytes / 8;
            snprintf(metric, sizeof metric, "shmem_%s_%s_%dpe", kKinds[i]->name, sizes[size].name, pes);
            measure_together(metric, kKinds[i]->run);
        }
    }
}

void over_hosts(void) {
    static const kind* const used[] = {&kBroadcast, &kSumReduce};
    static const size_t kBytes = 4096;
    make_room(2 * kBytes);
    measure_together("fabric_shmem_barrier", barrier);
    elements = kBytes / 8;
    for (size_t i = 0; i < sizeof used / sizeof *used; ++i) {
        char metric[64];
        clear_sync_arrays(used[i]->sync_length);
        snprintf(metric, sizeof metric, "fabric_shmem_%s_4KiB", used[i]->name);
        measure_together(metric, used[i]->run);
    }
}
