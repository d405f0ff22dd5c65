// SPDX-License-Identifier: Apache-2.0
// The collectives of active sets: all forms, over all PEs, every second one, and a set that does not begin at
// PE 0.
#include "check.h"
#include "types.h"

enum { kPes = 8, kCount = 3, kAll = kPes * kCount };

static long sync_of_set[3][SHMEM_SYNC_SIZE];

struct Set {
    int start;
    int log_stride;
    int size;
    int me;  // place in the set; -1: outside
    long* sync;
};

static struct Set set_of(int number) {
    const int pes = shmem_n_pes();
    struct Set set = {0, 0, pes, 0, sync_of_set[number]};
    if (number == 1) {
        set.log_stride = 1;
        set.size = (pes + 1) / 2;
    } else if (number == 2) {
        set.start = 1;
        set.size = pes - 1;
    }
    const int distance = shmem_my_pe() - set.start;
    const int stride = 1 << set.log_stride;
    const int place = distance >= 0 && distance % stride == 0 ? distance / stride : -1;
    set.me = place < set.size ? place : -1;
    return set;
}

#define SET(set) (set)->start, (set)->log_stride, (set)->size, (set)->sync
#define MEET(set) shmem_barrier((set)->start, (set)->log_stride, (set)->size, (set)->sync)

// B bits an element; member n gives n * 100 and on.
#define DEFINE_MOVES(T, B)                                                                               \
    static T source##B[kAll];                                                                            \
    static T target##B[2 * kAll + 1];                                                                    \
    static void prepare##B(const struct Set* set) {                                                      \
        for (int i = 0; i < kAll; ++i) {                                                                 \
            source##B[i] = (T)(set->me * 100 + i);                                                       \
        }                                                                                                \
        for (int i = 0; i <= 2 * kAll; ++i) {                                                            \
            target##B[i] = (T)-1;                                                                        \
        }                                                                                                \
        MEET(set);                                                                                       \
    }                                                                                                    \
    static void moves##B(const struct Set* set) {                                                        \
        for (int root = 0; root < set->size; ++root) {                                                   \
            prepare##B(set);                                                                             \
            shmem_broadcast##B(target##B, source##B, kCount, root, SET(set));                            \
            for (int i = 0; i < kCount; ++i) { /* the root's own stays */                                \
                const T wanted = set->me == root ? (T)-1 : (T)(root * 100 + i);                          \
                CHECK(target##B[i] == wanted, "broadcast" #B " from %d: element %d", root, i);           \
            }                                                                                            \
            MEET(set);                                                                                   \
        }                                                                                                \
        prepare##B(set);                                                                                 \
        shmem_fcollect##B(target##B, source##B, kCount, SET(set));                                       \
        for (int i = 0; i < set->size * kCount; ++i) {                                                   \
            CHECK(target##B[i] == (T)(i / kCount * 100 + i % kCount), "fcollect" #B ": element %d", i);  \
        }                                                                                                \
        CHECK(target##B[set->size * kCount] == (T)-1, "fcollect" #B " wrote too much");                  \
        prepare##B(set); /* member n gives (n + 1) % 3 elements: some give none */                       \
        shmem_collect##B(target##B, source##B, (size_t)((set->me + 1) % 3), SET(set));                   \
        int at = 0;                                                                                      \
        for (int member = 0; member < set->size; ++member) {                                             \
            for (int i = 0; i < (member + 1) % 3; ++i, ++at) {                                           \
                CHECK(target##B[at] == (T)(member * 100 + i), "collect" #B ": element %d", at);          \
            }                                                                                            \
        }                                                                                                \
        CHECK(target##B[at] == (T)-1, "collect" #B " wrote too much");                                   \
        prepare##B(set);                                                                                 \
        shmem_alltoall##B(target##B, source##B, kCount, SET(set));                                       \
        for (int i = 0; i < set->size * kCount; ++i) {                                                   \
            const T wanted = (T)(i / kCount * 100 + set->me * kCount + i % kCount);                      \
            CHECK(target##B[i] == wanted, "alltoall" #B ": element %d", i);                              \
        }                                                                                                \
        prepare##B(set); /* one element for each, every third of the source, into every second */        \
        shmem_alltoalls##B(target##B, source##B, 2, 3, 1, SET(set));                                     \
        for (int i = 0; i < set->size; ++i) {                                                            \
            CHECK(target##B[2 * i] == (T)(i * 100 + set->me * 3), "alltoalls" #B ": element %d", 2 * i); \
            CHECK(target##B[2 * i + 1] == (T)-1, "alltoalls" #B ": gap %d", 2 * i + 1);                  \
        }                                                                                                \
        MEET(set);                                                                                       \
    }
DEFINE_MOVES(uint32_t, 32)
DEFINE_MOVES(uint64_t, 64)

// `combine` says a = a OP b; the members' values are small.
#define REDUCE(T, name, operation, set, combine)                                                            \
    do {                                                                                                    \
        for (int i = 0; i < kCount; ++i) {                                                                  \
            name##_source[i] = (T)((set)->me % 3 + i + 1);                                                  \
            name##_target[i] = (T)0;                                                                        \
        }                                                                                                   \
        MEET(set);                                                                                          \
        shmem_##name##_##operation##_to_all(name##_target, name##_source, kCount, SET_OF(set), name##_work, \
                                            (set)->sync);                                                   \
        for (int i = 0; i < kCount; ++i) {                                                                  \
            T a = (T)(i + 1);                                                                               \
            for (int member = 1; member < (set)->size; ++member) {                                          \
                const T b = (T)(member % 3 + i + 1);                                                        \
                combine;                                                                                    \
            }                                                                                               \
            CHECK(name##_target[i] == a, #operation "_to_all of %s: element %d", #T, i);                    \
        }                                                                                                   \
        MEET(set);                                                                                          \
    } while (0)
#define SET_OF(set) (set)->start, (set)->log_stride, (set)->size

#define DEFINE_TO_ALL(T, name)                                            \
    static T name##_source[kCount];                                       \
    static T name##_target[kCount];                                       \
    static T name##_work[kCount / 2 + 1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE]; \
    static void name##_arithmetic(const struct Set* set) {                \
        REDUCE(T, name, max, set, a = a < b ? b : a);                     \
        REDUCE(T, name, min, set, a = b < a ? b : a);                     \
        REDUCE(T, name, sum, set, a = (T)(a + b));                        \
        REDUCE(T, name, prod, set, a = (T)(a * b));                       \
    }
#define DEFINE_BITWISE_TO_ALL(T, name)                  \
    static void name##_bitwise(const struct Set* set) { \
        REDUCE(T, name, and, set, a = (T)(a & b));      \
        REDUCE(T, name, or, set, a = (T)(a | b));       \
        REDUCE(T, name, xor, set, a = (T)(a ^ b));      \
    }
#define INTEGERS(X) X(short, short) X(int, int) X(long, long) X(long long, longlong)
INTEGERS(DEFINE_TO_ALL)
FLOATING(DEFINE_TO_ALL)
INTEGERS(DEFINE_BITWISE_TO_ALL)

#define RUN_TO_ALL(T, name) name##_arithmetic(&set);
#define RUN_BITWISE(T, name) name##_bitwise(&set);

int main(void) {
    shmem_init();
    CHECK(shmem_n_pes() <= kPes, "too many PEs");
    for (int number = 0; number < 3; ++number) {
        for (int i = 0; i < SHMEM_SYNC_SIZE; ++i) {
            sync_of_set[number][i] = SHMEM_SYNC_VALUE;
        }
    }
    shmem_barrier_all();
    for (int number = 0; number < 3; ++number) {
        const struct Set set = set_of(number);
        if (set.me >= 0) {
            moves32(&set);
            moves64(&set);
            INTEGERS(RUN_TO_ALL)
            FLOATING(RUN_TO_ALL)
            INTEGERS(RUN_BITWISE)
        }
        shmem_barrier_all();
    }
    done();
    return 0;
}
