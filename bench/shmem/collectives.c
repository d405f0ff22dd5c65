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

void collectives(void) {
    static const struct {
        const char* name;
        operation run;
        size_t sync_length;
    } kinds[] = {{"broadcast", broadcast, SHMEM_BCAST_SYNC_SIZE},
                 {"fcollect", fcollect, SHMEM_COLLECT_SYNC_SIZE},
                 {"sum_reduce", sum_reduce, SHMEM_REDUCE_SYNC_SIZE},
                 {"alltoall", alltoall, SHMEM_ALLTOALL_SYNC_SIZE}};
    static const struct {
        const char* name;
        size_t bytes;
    } sizes[] = {{"8B", 8}, {"4KiB", 4096}, {"1MiB", (size_t)1 << 20}};
    pes = shmem_n_pes();
    size_t longest = 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; ++kind) {
        longest = kinds[kind].sync_length > longest ? kinds[kind].sync_length : longest;
    }
    sync_arrays = symmetric(longest * kArrays * sizeof *sync_arrays);
    source = symmetric(kLargest * (size_t)pes);
    target = symmetric(kLargest * (size_t)pes);
    work = symmetric(2 * kLargest);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; ++kind) {
        clear_sync_arrays(kinds[kind].sync_length);
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; ++size) {
            char metric[64];
            elements = sizes[size].bytes / 8;
            snprintf(metric, sizeof metric, "shmem_%s_%s_%dpe", kinds[kind].name, sizes[size].name, pes);
            measure_together(metric, kinds[kind].run);
        }
    }
}
