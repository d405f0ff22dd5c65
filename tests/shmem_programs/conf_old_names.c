// SPDX-License-Identifier: Apache-2.0
// Signals that come alone, deprecated waits and atomics (in C11 by their generic names), cache calls; static
// and heap objects.
#include "check.h"

static shmem_ctx_t ctx;

#ifdef GENERIC
#define OLD(type, operation) shmem_##operation
#else
#define OLD(type, operation) shmem_##type##_##operation
#endif

static void signals(uint64_t* word) {
    const int right = right_of(shmem_my_pe());
    *word = 0;
    shmem_barrier_all();
    shmem_signal_set(word, UINT64_MAX, right);
    CHECK(shmem_signal_wait_until(word, SHMEM_CMP_NE, 0) == UINT64_MAX, "set");
    shmem_barrier_all();
    shmem_ctx_signal_set(ctx, word, 40, right);
    CHECK(shmem_signal_wait_until(word, SHMEM_CMP_LE, 40) == 40, "set in a context");
    shmem_barrier_all();
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        shmem_signal_add(word, 3, pe);
        shmem_ctx_signal_add(ctx, word, 4, pe);
    }
    const uint64_t all = 40 + 7 * (uint64_t)shmem_n_pes();
    CHECK(shmem_signal_wait_until(word, SHMEM_CMP_GE, all) == all, "added");
    shmem_barrier_all();
    CHECK(shmem_signal_fetch(word) == all, "added more than asked: %" PRIu64, shmem_signal_fetch(word));
}

#define DEFINE_WAIT(T, name)                                                     \
    static void name##_old_wait(T* word) {                                       \
        const T value = (T)(left_of(shmem_my_pe()) + 5);                         \
        *word = (T)3;                                                            \
        shmem_barrier_all();                                                     \
        shmem_##name##_p(word, (T)(shmem_my_pe() + 5), right_of(shmem_my_pe())); \
        shmem_##name##_wait(word, (T)3);                                         \
        CHECK(*word == value, "wait of %s", #T);                                 \
        shmem_barrier_all();                                                     \
    }
DEFINE_WAIT(short, short)
DEFINE_WAIT(int, int)
DEFINE_WAIT(long, long)
DEFINE_WAIT(long long, longlong)

static void waits_without_type(long* word) {
    const int me = shmem_my_pe();
    *word = 3;
    shmem_barrier_all();
    shmem_long_p(word, me + 5, right_of(me));
    shmem_wait(word, 3);
    CHECK(*word == left_of(me) + 5, "wait: %ld", *word);
    shmem_barrier_all();
    shmem_long_p(word, -me - 1, right_of(me));
    shmem_wait_until(word, SHMEM_CMP_LT, 0);
    CHECK(*word == -left_of(me) - 1, "wait_until: %ld", *word);
    shmem_barrier_all();
}

#define DEFINE_SWAPS(T, name)                                             \
    static void name##_old_swaps(T* word, int pe) {                       \
        OLD(name, set)(word, (T)3, pe);                                   \
        CHECK(OLD(name, fetch)(word, pe) == (T)3, "set of %s", #T);       \
        CHECK(OLD(name, swap)(word, (T)8, pe) == (T)3, "swap of %s", #T); \
        CHECK(OLD(name, fetch)(word, pe) == (T)8, "swapped %s", #T);      \
    }
#define DEFINE_SUMS(T, name)                                                        \
    static void name##_old_sums(T* word, int pe) {                                  \
        OLD(name, set)(word, (T)3, pe);                                             \
        OLD(name, add)(word, (T)4, pe);                                             \
        OLD(name, inc)(word, pe);                                                   \
        CHECK(OLD(name, fadd)(word, (T)2, pe) == (T)8, "fadd of %s", #T);           \
        CHECK(OLD(name, finc)(word, pe) == (T)10, "finc of %s", #T);                \
        CHECK(OLD(name, cswap)(word, (T)1, (T)2, pe) == (T)11, "cswap of %s", #T);  \
        CHECK(OLD(name, cswap)(word, (T)11, (T)1, pe) == (T)11, "cswap of %s", #T); \
        CHECK(OLD(name, fetch)(word, pe) == (T)1, "after cswap of %s", #T);         \
    }
#define SWAP_TYPES(X) X(int, int) X(long, long) X(long long, longlong) X(float, float) X(double, double)
#define SUM_TYPES(X) X(int, int) X(long, long) X(long long, longlong)
SWAP_TYPES(DEFINE_SWAPS)
SUM_TYPES(DEFINE_SUMS)

#define RUN_SWAPS(T, name) name##_old_swaps((T*)place, right_of(shmem_my_pe()));
#define RUN_SUMS(T, name) name##_old_sums((T*)place, right_of(shmem_my_pe()));

static void all(void* place) {
    signals((uint64_t*)place);
    short_old_wait((short*)place);
    int_old_wait((int*)place);
    long_old_wait((long*)place);
    longlong_old_wait((long long*)place);
    waits_without_type((long*)place);
    SWAP_TYPES(RUN_SWAPS)
    SUM_TYPES(RUN_SUMS)
    shmem_barrier_all();
    *(long*)place = 77;
    shmem_set_cache_inv();
    shmem_set_cache_line_inv(place);
    shmem_clear_cache_inv();
    shmem_clear_cache_line_inv(place);
    shmem_udcflush();
    shmem_udcflush_line(place);
    CHECK(*(long*)place == 77, "cache calls change nothing");
    shmem_barrier_all();
}

static long long static_place;

int main(void) {
    start_pes(0);
    CHECK(_my_pe() == shmem_my_pe() && _num_pes() == shmem_n_pes(), "old queries");
    CHECK(shmem_ctx_create(0, &ctx) == 0, "no context");
    void* const heap_place = shmalloc(sizeof(long long));
    CHECK(heap_place != NULL, "memory");
    all(&static_place);
    all(heap_place);
    shmem_ctx_destroy(ctx);
    shfree(heap_place);
    done();
    return 0;
}
