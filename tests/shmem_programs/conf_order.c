// SPDX-License-Identifier: Apache-2.0
// What fence, quiet, signals and barriers promise about the order in which others see what a PE writes.
#include <pthread.h>

#include "check.h"

enum { kWords = 33, kThreads = 3 };

static long rounds = 2000;  // or as the first argument says

static long data[kWords];
static long flag;
static uint64_t signal_word;

static void fill(long* words, long value) {
    for (int i = 0; i < kWords; ++i) {
        words[i] = value + i;
    }
}

static void check_data(const long* words, long value, const char* what) {
    for (int i = 0; i < kWords; ++i) {
        CHECK(words[i] == value + i, "%s: word %d is %ld, not %ld", what, i, words[i], value + i);
    }
}

// Data, then a flag, from every PE to its right neighbour, which answers by its own flag at the left one.
static void data_then_flag(long* target, long* target_flag, int with_quiet) {
    static long answered;
    const int me = shmem_my_pe();
    long local[kWords];
    *target_flag = answered = 0;
    shmem_barrier_all();
    for (long round = 1; round <= rounds; ++round) {
        fill(local, round * 100 + me);
        shmem_long_put_nbi(target, local, kWords, right_of(me));
        if (with_quiet) {
            shmem_quiet();
        } else {
            shmem_fence();
        }
        shmem_long_p(target_flag, round, right_of(me));
        shmem_long_wait_until(target_flag, SHMEM_CMP_GE, round);
        check_data(target, round * 100 + left_of(me), with_quiet ? "after quiet" : "after fence");
        shmem_long_p(&answered, round, left_of(me));
        shmem_long_wait_until(&answered, SHMEM_CMP_GE, round);
    }
    shmem_barrier_all();
}

// The signal comes after the data without a fence.
static void data_with_signal(long* target) {
    static long answered;
    const int me = shmem_my_pe();
    long local[kWords];
    signal_word = 0;
    answered = 0;
    shmem_barrier_all();
    for (long round = 1; round <= rounds; ++round) {
        fill(local, round * 100 + me);
        shmem_long_put_signal_nbi(target, local, kWords, &signal_word, (uint64_t)round, SHMEM_SIGNAL_SET,
                                  right_of(me));
        shmem_signal_wait_until(&signal_word, SHMEM_CMP_GE, (uint64_t)round);
        check_data(target, round * 100 + left_of(me), "with a signal");
        shmem_long_p(&answered, round, left_of(me));
        shmem_long_wait_until(&answered, SHMEM_CMP_GE, round);
    }
    shmem_barrier_all();
}

// Two PEs write, look at the other's word, and may not both miss it: an atomic is not overtaken.
static void store_buffering(void) {
    static long mine[2];
    static long seen[2];
    const int me = shmem_my_pe();
    for (long round = 1; round <= rounds; ++round) {
        if (me < 2) {
            shmem_long_atomic_set(&mine[me], round, 0);
            shmem_quiet();
            const long other = shmem_long_atomic_fetch(&mine[1 - me], 0);
            shmem_long_p(&seen[me], other, 0);
        }
        shmem_barrier_all();
        CHECK(me != 0 || seen[0] == round || seen[1] == round, "round %ld: both missed", round);
        shmem_barrier_all();
    }
}

// A barrier completes what was put before it, also by other threads and contexts.
static int puts_of_all;
static long of_threads[kThreads][kWords];

static void* put_from_thread(void* number) {
    const int thread = *(const int*)number;
    shmem_ctx_t ctx;
    CHECK(shmem_ctx_create(thread == 0   ? SHMEM_CTX_PRIVATE
                           : thread == 1 ? SHMEM_CTX_SERIALIZED
                                         : 0,
                           &ctx) == 0,
          "ctx");
    long local[kWords];
    for (int i = 0; i < 200; ++i) {
        fill(local, shmem_my_pe() * 1000 + thread * 100 + i);
        shmem_ctx_long_put_nbi(ctx, of_threads[thread], local, kWords, right_of(shmem_my_pe()));
        shmem_ctx_quiet(ctx);
        shmem_int_atomic_inc(&puts_of_all, 0);
    }
    shmem_ctx_destroy(ctx);
    return NULL;
}

static void threads(void) {
    pthread_t running[kThreads];
    int numbers[kThreads];
    shmem_barrier_all();
    for (int i = 0; i < kThreads; ++i) {
        numbers[i] = i;
        CHECK(pthread_create(&running[i], NULL, put_from_thread, &numbers[i]) == 0, "thread");
    }
    for (int i = 0; i < kThreads; ++i) {
        pthread_join(running[i], NULL);
    }
    shmem_barrier_all();
    for (int i = 0; i < kThreads; ++i) {
        check_data(of_threads[i], left_of(shmem_my_pe()) * 1000 + i * 100 + 199, "of a thread");
    }
    const int counted = shmem_int_atomic_fetch(&puts_of_all, 0);
    CHECK(counted == kThreads * 200 * shmem_n_pes(), "%d atomics of threads", counted);
    shmem_barrier_all();
}

int main(int argc, char** argv) {
    if (argc > 1) {
        rounds = atol(argv[1]);
    }
    int provided = -1;
    CHECK(shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) == 0 && provided == SHMEM_THREAD_MULTIPLE,
          "threads");
    long* heap = (long*)shmem_calloc(kWords + 1, sizeof(long));
    CHECK(heap != NULL, "memory");
    data_then_flag(data, &flag, 0);
    data_then_flag(heap, &flag, 1);
    data_then_flag(data, heap + kWords, 0);
    data_with_signal(data);
    data_with_signal(heap);
    store_buffering();
    threads();
    shmem_free(heap);
    done();
    return 0;
}
