// SPDX-License-Identifier: Apache-2.0
// Puts with a signal, of every type and form: where the signal has arrived, the data has.
#include "check.h"
#include "types.h"

enum { kCount = 9 };

static uint64_t static_signal;
static uint64_t* signal_word;
static shmem_ctx_t ctx;

static void wait_for(uint64_t value) {
    const uint64_t seen = shmem_signal_wait_until(signal_word, SHMEM_CMP_EQ, value);
    CHECK(seen == value && shmem_signal_fetch(signal_word) == value, "signal %" PRIu64, seen);
}

#define DEFINE_SIGNAL(T, name)                                                                            \
    static void name##_signal(T* target) {                                                                \
        const int me = shmem_my_pe();                                                                     \
        const int right = right_of(me);                                                                   \
        T source[kCount];                                                                                 \
        FILL(T, source, kCount, me);                                                                      \
        for (int form = 0; form < 4; ++form) {                                                            \
            CLEAR(T, target, kCount);                                                                     \
            *signal_word = 5;                                                                             \
            shmem_barrier_all();                                                                          \
            if (form == 0) {                                                                              \
                TYPED(name, put_signal)(target, source, kCount, signal_word, 7, SHMEM_SIGNAL_SET, right); \
            } else if (form == 1) {                                                                       \
                TYPED(name, put_signal_nbi)                                                               \
                (target, source, kCount, signal_word, 2, SHMEM_SIGNAL_ADD, right);                        \
            } else if (form == 2) {                                                                       \
                TYPED_CTX(name, put_signal)                                                               \
                (ctx, target, source, kCount, signal_word, 2, SHMEM_SIGNAL_ADD, right);                   \
            } else {                                                                                      \
                TYPED_CTX(name, put_signal_nbi)                                                           \
                (ctx, target, source, kCount, signal_word, 7, SHMEM_SIGNAL_SET, right);                   \
            }                                                                                             \
            wait_for(7);                                                                                  \
            EXPECT(T, target, kCount, left_of(me), "put_signal");                                         \
            shmem_barrier_all();                                                                          \
        }                                                                                                 \
    }

RMA_TYPES(DEFINE_SIGNAL)

// Sized forms: elements of 1 to 16 bytes.
#define SIZED(bits)                                                                                   \
    do {                                                                                              \
        memset(target, 0, 64);                                                                        \
        *signal_word = 0;                                                                             \
        shmem_barrier_all();                                                                          \
        shmem_put##bits##_signal(target, source, 64 / ((bits) / 8), signal_word, 1, SHMEM_SIGNAL_ADD, \
                                 right);                                                              \
        wait_for(1);                                                                                  \
        CHECK(memcmp(target, expected, 64) == 0, "put%d_signal", bits);                               \
        shmem_barrier_all();                                                                          \
    } while (0)

static void sized(unsigned char* target) {
    const int me = shmem_my_pe();
    const int right = right_of(me);
    unsigned char source[64];
    unsigned char expected[64];
    memset(source, me + 1, 64);
    memset(expected, left_of(me) + 1, 64);
    SIZED(8);
    SIZED(16);
    SIZED(32);
    SIZED(64);
    SIZED(128);
    memset(target, 0, 64);
    *signal_word = 0;
    shmem_barrier_all();
    shmem_putmem_signal(target, source, 64, signal_word, UINT64_MAX, SHMEM_SIGNAL_SET, right);
    wait_for(UINT64_MAX);
    CHECK(memcmp(target, expected, 64) == 0, "putmem_signal");
    shmem_barrier_all();
}

// The signal does not overtake data that is copied by other means than small data.
static void large(void) {
    enum { kBytes = 3 << 20, kRounds = 4 };
    unsigned char* const target = (unsigned char*)shmem_calloc(kBytes, 1);
    unsigned char* const source = (unsigned char*)malloc(kBytes);
    *signal_word = 0;
    shmem_barrier_all();
    for (int round = 1; round <= kRounds; ++round) {
        memset(source, round, kBytes);
        shmem_putmem_signal(target, source, kBytes, signal_word, 1, SHMEM_SIGNAL_ADD,
                            right_of(shmem_my_pe()));
        wait_for((uint64_t)round);
        for (size_t i = 0; i < kBytes; i += 61) {
            CHECK(target[i] == round, "byte %zu of round %d", i, round);
        }
        CHECK(target[kBytes - 1] == round, "the last byte of round %d", round);
        shmem_barrier_all();
    }
    free(source);
    shmem_free(target);
}

#define RUN_SIGNAL(T, name) name##_signal((T*)target);

int main(void) {
    shmem_init();
    CHECK(shmem_ctx_create(0, &ctx) == 0, "no context");
    void* const target = shmem_align(64, 64 * kCount);
    uint64_t* const heap_signal = (uint64_t*)shmem_calloc(1, sizeof(uint64_t));
    signal_word = &static_signal;
    RMA_TYPES(RUN_SIGNAL)
    signal_word = heap_signal;
    RMA_TYPES(RUN_SIGNAL)
    sized((unsigned char*)target);
    large();
    shmem_ctx_destroy(ctx);
    done();
    return 0;
}
