// SPDX-License-Identifier: Apache-2.0
// Every atomic of every type: with and without a context, non-blocking, static and heap; then all PEs on one
// word.
#include "check.h"
#include "types.h"

static shmem_ctx_t ctx;

#define DEFINE_BASIC(T, name)                                                                   \
    static void name##_basic(T* word, int pe) {                                                 \
        T fetched = (T)0;                                                                       \
        TYPED(name, atomic_set)(word, (T)5, pe);                                                \
        CHECK(TYPED(name, atomic_fetch)(word, pe) == (T)5, "set of %s", #T);                    \
        CHECK(TYPED(name, atomic_swap)(word, (T)6, pe) == (T)5, "swap of %s", #T);              \
        TYPED(name, atomic_fetch_nbi)(&fetched, word, pe);                                      \
        shmem_quiet();                                                                          \
        CHECK(fetched == (T)6, "fetch_nbi of %s", #T);                                          \
        TYPED(name, atomic_swap_nbi)(&fetched, word, (T)7, pe);                                 \
        shmem_quiet();                                                                          \
        CHECK(fetched == (T)6, "swap_nbi of %s", #T);                                           \
        CHECK(TYPED_CTX(name, atomic_swap)(ctx, word, (T)8, pe) == (T)7, "ctx swap of %s", #T); \
        TYPED_CTX(name, atomic_set)(ctx, word, (T)9, pe);                                       \
        TYPED_CTX(name, atomic_fetch_nbi)(ctx, &fetched, word, pe);                             \
        shmem_ctx_quiet(ctx);                                                                   \
        CHECK(fetched == (T)9, "ctx set of %s", #T);                                            \
        TYPED_CTX(name, atomic_swap_nbi)(ctx, &fetched, word, (T)10, pe);                       \
        shmem_ctx_quiet(ctx);                                                                   \
        CHECK(TYPED_CTX(name, atomic_fetch)(ctx, word, pe) == (T)10, "ctx fetch of %s", #T);    \
    }

#define DEFINE_STANDARD(T, name)                                                                     \
    static void name##_standard(T* word, int pe) {                                                   \
        T fetched = (T)0;                                                                            \
        TYPED(name, atomic_set)(word, (T)0, pe);                                                     \
        TYPED(name, atomic_add)(word, (T)5, pe);                                                     \
        TYPED(name, atomic_inc)(word, pe);                                                           \
        CHECK(TYPED(name, atomic_fetch_add)(word, (T)4, pe) == (T)6, "fetch_add of %s", #T);         \
        CHECK(TYPED(name, atomic_fetch_inc)(word, pe) == (T)10, "fetch_inc of %s", #T);              \
        CHECK(TYPED(name, atomic_compare_swap)(word, (T)3, (T)1, pe) == (T)11, "cswap of %s", #T);   \
        CHECK(TYPED(name, atomic_compare_swap)(word, (T)11, (T)1, pe) == (T)11, "cswap of %s", #T);  \
        TYPED(name, atomic_fetch_add_nbi)(&fetched, word, (T)2, pe);                                 \
        shmem_quiet();                                                                               \
        CHECK(fetched == (T)1, "fetch_add_nbi of %s", #T);                                           \
        TYPED(name, atomic_fetch_inc_nbi)(&fetched, word, pe);                                       \
        shmem_quiet();                                                                               \
        CHECK(fetched == (T)3, "fetch_inc_nbi of %s", #T);                                           \
        TYPED(name, atomic_compare_swap_nbi)(&fetched, word, (T)4, (T)9, pe);                        \
        shmem_quiet();                                                                               \
        CHECK(fetched == (T)4, "compare_swap_nbi of %s", #T);                                        \
        TYPED_CTX(name, atomic_add)(ctx, word, (T)1, pe);                                            \
        TYPED_CTX(name, atomic_inc)(ctx, word, pe);                                                  \
        CHECK(TYPED_CTX(name, atomic_fetch_add)(ctx, word, (T)1, pe) == (T)11, "ctx add of %s", #T); \
        CHECK(TYPED_CTX(name, atomic_fetch_inc)(ctx, word, pe) == (T)12, "ctx inc of %s", #T);       \
        CHECK(TYPED_CTX(name, atomic_compare_swap)(ctx, word, (T)13, (T)2, pe) == (T)13, "%s", #T);  \
        TYPED_CTX(name, atomic_fetch_add_nbi)(ctx, &fetched, word, (T)1, pe);                        \
        TYPED_CTX(name, atomic_fetch_inc_nbi)(ctx, &fetched, word, pe);                              \
        TYPED_CTX(name, atomic_compare_swap_nbi)(ctx, &fetched, word, (T)4, (T)0, pe);               \
        shmem_ctx_quiet(ctx);                                                                        \
        CHECK(TYPED(name, atomic_fetch)(word, pe) == (T)0, "ctx nbi of %s", #T);                     \
    }

#define DEFINE_BITWISE(T, name)                                                                      \
    static void name##_bitwise(T* word, int pe) {                                                    \
        T fetched = (T)0;                                                                            \
        TYPED(name, atomic_set)(word, (T)0x0F, pe);                                                  \
        TYPED(name, atomic_and)(word, (T)0x3C, pe);                                                  \
        CHECK(TYPED(name, atomic_fetch_and)(word, (T)0x08, pe) == (T)0x0C, "and of %s", #T);         \
        TYPED(name, atomic_or)(word, (T)0x01, pe);                                                   \
        CHECK(TYPED(name, atomic_fetch_or)(word, (T)0x02, pe) == (T)0x09, "or of %s", #T);           \
        TYPED(name, atomic_xor)(word, (T)0x0F, pe);                                                  \
        CHECK(TYPED(name, atomic_fetch_xor)(word, (T)0x04, pe) == (T)0x04, "xor of %s", #T);         \
        TYPED(name, atomic_fetch_or_nbi)(&fetched, word, (T)0x30, pe);                               \
        shmem_quiet();                                                                               \
        CHECK(fetched == (T)0, "fetch_or_nbi of %s", #T);                                            \
        TYPED(name, atomic_fetch_and_nbi)(&fetched, word, (T)0x10, pe);                              \
        TYPED(name, atomic_fetch_xor_nbi)(&fetched, word, (T)0x11, pe);                              \
        shmem_quiet();                                                                               \
        CHECK(TYPED(name, atomic_fetch)(word, pe) == (T)0x01, "nbi of %s", #T);                      \
        TYPED_CTX(name, atomic_or)(ctx, word, (T)0x06, pe);                                          \
        TYPED_CTX(name, atomic_and)(ctx, word, (T)0x05, pe);                                         \
        TYPED_CTX(name, atomic_xor)(ctx, word, (T)0x08, pe);                                         \
        CHECK(TYPED_CTX(name, atomic_fetch_or)(ctx, word, (T)0, pe) == (T)0x0D, "ctx or of %s", #T); \
        CHECK(TYPED_CTX(name, atomic_fetch_and)(ctx, word, (T)0x0C, pe) == (T)0x0D, "%s", #T);       \
        CHECK(TYPED_CTX(name, atomic_fetch_xor)(ctx, word, (T)0x0C, pe) == (T)0x0C, "%s", #T);       \
        TYPED_CTX(name, atomic_fetch_or_nbi)(ctx, &fetched, word, (T)0x03, pe);                      \
        TYPED_CTX(name, atomic_fetch_and_nbi)(ctx, &fetched, word, (T)0x01, pe);                     \
        TYPED_CTX(name, atomic_fetch_xor_nbi)(ctx, &fetched, word, (T)0x01, pe);                     \
        shmem_ctx_quiet(ctx);                                                                        \
        CHECK(TYPED(name, atomic_fetch)(word, pe) == (T)0, "ctx nbi of %s", #T);                     \
    }

STANDARD_AMO_TYPES(DEFINE_BASIC)
FLOAT_AMO_TYPES(DEFINE_BASIC)
STANDARD_AMO_TYPES(DEFINE_STANDARD)
BITWISE_AMO_TYPES(DEFINE_BITWISE)

static long long static_word;
static long sums[4];

// Each PE works on its right neighbour's word, so nobody disturbs anybody.
#define RUN_BASIC(T, name) name##_basic((T*)place, pe);
#define RUN_STANDARD(T, name) name##_standard((T*)place, pe);
#define RUN_BITWISE(T, name) name##_bitwise((T*)place, pe);

static void run_on(void* place, int pe) {
    STANDARD_AMO_TYPES(RUN_BASIC)
    FLOAT_AMO_TYPES(RUN_BASIC)
    STANDARD_AMO_TYPES(RUN_STANDARD)
    BITWISE_AMO_TYPES(RUN_BITWISE)
}

static void together(void) {
    enum { kRounds = 1000 };
    const long pes = shmem_n_pes();
    for (int i = 0; i < kRounds; ++i) {
        shmem_long_atomic_inc(&sums[0], 0);
        shmem_long_atomic_add(&sums[1], shmem_my_pe() + 1, 0);
        long seen = shmem_long_atomic_fetch(&sums[2], 0);
        for (long found; (found = shmem_long_atomic_compare_swap(&sums[2], seen, seen + 1, 0)) != seen;) {
            seen = found;
        }
    }
    shmem_barrier_all();
    CHECK(shmem_long_g(&sums[0], 0) == kRounds * pes, "inc: %ld", shmem_long_g(&sums[0], 0));
    CHECK(shmem_long_g(&sums[1], 0) == kRounds * pes * (pes + 1) / 2, "add: %ld", shmem_long_g(&sums[1], 0));
    CHECK(shmem_long_g(&sums[2], 0) == kRounds * pes, "compare and swap: %ld", shmem_long_g(&sums[2], 0));
}

static void old_names(int pe) {
    static int word;
    shmem_int_set(&word, 3, pe);
    shmem_int_add(&word, 4, pe);
    shmem_int_inc(&word, pe);
    CHECK(shmem_int_fadd(&word, 2, pe) == 8, "fadd");
    CHECK(shmem_int_finc(&word, pe) == 10, "finc");
    CHECK(shmem_int_cswap(&word, 11, 1, pe) == 11, "cswap");
    CHECK(shmem_int_swap(&word, 2, pe) == 1, "swap");
    CHECK(shmem_int_fetch(&word, pe) == 2, "fetch");
}

int main(void) {
    shmem_init();
    CHECK(shmem_ctx_create(0, &ctx) == 0, "no context");
    const int right = right_of(shmem_my_pe());
    void* const heap_word = shmem_calloc(1, sizeof(long long));
    run_on(&static_word, right);
    run_on(heap_word, right);
    shmem_barrier_all();
    together();
    old_names(right);
    shmem_ctx_destroy(ctx);
    shmem_free(heap_word);
    done();
    return 0;
}
