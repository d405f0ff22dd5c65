// SPDX-License-Identifier: Apache-2.0
// What PE 0 does to PE 1 while PE 1 waits in a barrier.
#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum { kPeer = 1, kPutsPerQuiet = 64 };
static const size_t kWalked = (size_t)256 << 20;  // far more than the caches hold
static const size_t kHot = (size_t)1 << 20;

static long* word;       // symmetric
static char* far_side;   // symmetric
static char* near_side;  // private
static long* bare;       // PE 1's word as a pointer
static size_t block;     // bytes of the copy that is measured
static size_t position;  // of a walk

static void put_word(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        shmem_long_put(word, &i, 1, kPeer);
        shmem_quiet();
    }
}

static void put_words(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        for (long k = 0; k < kPutsPerQuiet; ++k) {
            shmem_long_put(word + k, &i, 1, kPeer);
        }
        shmem_quiet();
    }
}

static void get_word(long iterations) {
    long value = 0;
    for (long i = 0; i < iterations; ++i) {
        shmem_long_get(&value, word, 1, kPeer);
    }
}

static void put_only(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        shmem_long_p(word, i, kPeer);
    }
}

static void store_only(long iterations) {
    volatile long* target = bare;
    for (long i = 0; i < iterations; ++i) {
        *target = i;
    }
}

static void fetch_add(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        (void)shmem_long_atomic_fetch_add(word, 1, kPeer);
    }
}

static void add(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        for (long k = 0; k < kPutsPerQuiet; ++k) {
            shmem_long_atomic_add(word, 1, kPeer);
        }
        shmem_quiet();
    }
}

static void compare_swap(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        (void)shmem_long_atomic_compare_swap(word, i, i + 1, kPeer);
    }
}

static size_t next_block(void) {
    const size_t at = position;
    position = at + 2 * block <= kWalked ? at + block : 0;
    return block > kHot ? at : 0;
}

static void put_block(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        const size_t at = next_block();
        shmem_putmem(far_side + at, near_side + at, block, kPeer);
        shmem_quiet();
    }
}

static void get_block(long iterations) {
    for (long i = 0; i < iterations; ++i) {
        const size_t at = next_block();
        shmem_getmem(near_side + at, far_side + at, block, kPeer);
    }
}

static void blocks(void) {
    static const struct {
        const char* name;
        size_t bytes;
    } sizes[] = {{"4KiB", 4096},
                 {"64KiB", 65536},
                 {"1MiB", (size_t)1 << 20},
                 {"8MiB", (size_t)8 << 20},
                 {"64MiB", (size_t)64 << 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        char metric[64];
        block = sizes[i].bytes;
        position = 0;
        snprintf(metric, sizeof metric, "shmem_put_%s", sizes[i].name);
        measure_alone(metric, put_block, 1);
        snprintf(metric, sizeof metric, "shmem_get_%s", sizes[i].name);
        measure_alone(metric, get_block, 1);
    }
}

void words(void) {
    word = symmetric(kPutsPerQuiet * sizeof *word);
    measure_alone("shmem_put_8B_rate", put_words, kPutsPerQuiet);
    shmem_free(word);
}

void point_to_point(void) {
    word = symmetric(kPutsPerQuiet * sizeof *word);
    far_side = symmetric(kWalked);
    near_side = malloc(kWalked);
    if (near_side == NULL) {
        fprintf(stderr, "no %zu bytes of memory\n", kWalked);
        shmem_global_exit(2);
        return;
    }
    memset(near_side, 2, kWalked);
    measure_alone("shmem_put_8B", put_word, 1);
    measure_alone("shmem_get_8B", get_word, 1);
    measure_alone("shmem_put_8B_rate", put_words, kPutsPerQuiet);
    measure_alone("shmem_fadd", fetch_add, 1);
    measure_alone("shmem_add_rate", add, kPutsPerQuiet);
    measure_alone("shmem_cswap", compare_swap, 1);
    blocks();
    bare = shmem_ptr(word, kPeer);
    if (bare != NULL) {  // a pair of the same process: the driver compares the one with the other
        measure_alone("put_without_quiet", put_only, 1);
        measure_alone("bare_store", store_only, 1);
    }
    free(near_side);
    shmem_free(far_side);
    shmem_free(word);
}
