// SPDX-License-Identifier: Apache-2.0
// Locks: one holder at a time, static and heap, and the attempt that does not wait.
#include "check.h"

static int rounds = 500;  // or as the first argument says

static long static_lock;
static long counter;

static void count_under(long* lock, int attempt) {
    counter = 0;
    shmem_barrier_all();
    for (int i = 0; i < rounds; ++i) {
        if (attempt) {
            while (shmem_test_lock(lock) != 0) {
            }
        } else {
            shmem_set_lock(lock);
        }
        // Not atomic: right only where nobody else is here.
        shmem_long_p(&counter, shmem_long_g(&counter, 0) + 1, 0);
        shmem_quiet();
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    CHECK(shmem_long_g(&counter, 0) == (long)rounds * shmem_n_pes(), "%ld", shmem_long_g(&counter, 0));
    shmem_barrier_all();
}

int main(int argc, char** argv) {
    if (argc > 1) {
        rounds = atoi(argv[1]);
    }
    shmem_init();
    long* const heap_lock = (long*)shmem_calloc(1, sizeof(long));
    for (int attempt = 0; attempt < 2; ++attempt) {
        count_under(&static_lock, attempt);
        count_under(heap_lock, attempt);
    }
    if (shmem_my_pe() == 0) {
        shmem_set_lock(&static_lock);
    }
    shmem_barrier_all();
    CHECK(shmem_test_lock(&static_lock) == 1, "a held lock was taken");
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        shmem_clear_lock(&static_lock);
    }
    shmem_free(heap_lock);
    done();
    return 0;
}
