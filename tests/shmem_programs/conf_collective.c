// SPDX-License-Identifier: Apache-2.0
// Every typed collective over the world and over a strided team: values, also of large arrays, static and
// heap.
#include "check.h"
#include "types.h"

enum { kCount = 5, kPes = 8 };

static shmem_team_t odd_and_even;

#define DEFINE_MOVES(T, name)                                                                          \
    static void name##_moves(shmem_team_t team, T* target, T* source) {                                \
        const int me = shmem_team_my_pe(team);                                                         \
        const int pes = shmem_team_n_pes(team);                                                        \
        for (int root = 0; root < pes; ++root) {                                                       \
            FILL(T, source, kCount, me);                                                               \
            CLEAR(T, target, kCount);                                                                  \
            shmem_team_sync(team);                                                                     \
            CHECK((TYPED(name, broadcast)(team, target, source, kCount, root)) == 0, "broadcast");     \
            EXPECT(T, target, kCount, root, "broadcast");                                              \
        }                                                                                              \
        shmem_team_sync(team);                                                                         \
        CLEAR(T, target, kCount* pes);                                                                 \
        shmem_team_sync(team);                                                                         \
        CHECK((TYPED(name, fcollect)(team, target, source, kCount)) == 0, "fcollect");                 \
        for (int pe = 0; pe < pes; ++pe) {                                                             \
            EXPECT(T, target + pe * kCount, kCount, pe, "fcollect");                                   \
        }                                                                                              \
        shmem_team_sync(team);                                                                         \
        CLEAR(T, target, kCount* pes);                                                                 \
        shmem_team_sync(team); /* PE n gives n % 3 elements: some give none */                         \
        CHECK((TYPED(name, collect)(team, target, source, (size_t)(me % 3))) == 0, "collect");         \
        int offset = 0;                                                                                \
        for (int pe = 0; pe < pes; ++pe) {                                                             \
            EXPECT(T, target + offset, pe % 3, pe, "collect");                                         \
            offset += pe % 3;                                                                          \
        }                                                                                              \
        CHECK(target[offset] == (T)0, "collect of %s wrote too much", #T);                             \
        shmem_team_sync(team);                                                                         \
    }                                                                                                  \
    static void name##_exchange(shmem_team_t team, T* target, T* source) {                             \
        const int me = shmem_team_my_pe(team);                                                         \
        const int pes = shmem_team_n_pes(team);                                                        \
        for (int i = 0; i < 2 * pes; ++i) { /* two elements for each */                                \
            source[i] = (T)(me * 13 + i);                                                              \
        }                                                                                              \
        CLEAR(T, target, 2 * pes);                                                                     \
        shmem_team_sync(team);                                                                         \
        CHECK((TYPED(name, alltoall)(team, target, source, 2)) == 0, "alltoall");                      \
        for (int i = 0; i < 2 * pes; ++i) {                                                            \
            CHECK(target[i] == (T)(i / 2 * 13 + me * 2 + i % 2), "alltoall of %s: element %d", #T, i); \
        }                                                                                              \
        shmem_team_sync(team);                                                                         \
        CLEAR(T, target, 2 * pes);                                                                     \
        shmem_team_sync(team); /* element i of the source for PE i; into every second one */           \
        CHECK((TYPED(name, alltoalls)(team, target, source, 2, 1, 1)) == 0, "alltoalls");              \
        for (int i = 0; i < pes; ++i) {                                                                \
            CHECK(target[2 * i] == (T)(i * 13 + me), "alltoalls of %s: element %d", #T, 2 * i);        \
            CHECK(target[2 * i + 1] == (T)0, "alltoalls of %s: gap %d", #T, 2 * i + 1);                \
        }                                                                                              \
        shmem_team_sync(team);                                                                         \
    }                                                                                                  \
    static T name##_target[kPes * kCount + 1];                                                         \
    static T name##_source[kPes * kCount + 1];                                                         \
    static void name##_all_moves(void* heap) {                                                         \
        T* target = (T*)heap;                                                                          \
        name##_moves(SHMEM_TEAM_WORLD, name##_target, name##_source);                                  \
        name##_exchange(SHMEM_TEAM_WORLD, target, target + kPes * kCount + 1);                         \
        name##_moves(odd_and_even, target, target + kPes * kCount + 1);                                \
        name##_exchange(odd_and_even, name##_target, name##_source);                                   \
    }
RMA_TYPES(DEFINE_MOVES)

// The expected value is worked out from the same small values; `combine` says a = a OP b.
#define CHECK_REDUCTION(T, name, operation, team, target, source, value, combine)                \
    do {                                                                                         \
        const int me_ = shmem_team_my_pe(team);                                                  \
        for (int i = 0; i < kCount; ++i) {                                                       \
            (source)[i] = value(T, me_, i);                                                      \
            (target)[i] = (T)0;                                                                  \
        }                                                                                        \
        shmem_team_sync(team);                                                                   \
        CHECK((TYPED(name, operation##_reduce)(team, target, source, kCount)) == 0, #operation); \
        for (int i = 0; i < kCount; ++i) {                                                       \
            T a = value(T, 0, i);                                                                \
            for (int pe = 1; pe < shmem_team_n_pes(team); ++pe) {                                \
                const T b = value(T, pe, i);                                                     \
                combine;                                                                         \
            }                                                                                    \
            CHECK((target)[i] == a, #operation " of %s: element %d", #T, i);                     \
        }                                                                                        \
        shmem_team_sync(team);                                                                   \
        CHECK((TYPED(name, operation##_reduce)(team, source, source, kCount)) == 0, "in place"); \
        for (int i = 0; i < kCount; ++i) {                                                       \
            CHECK((source)[i] == (target)[i], #operation " of %s in place: element %d", #T, i);  \
        }                                                                                        \
        shmem_team_sync(team);                                                                   \
    } while (0)
#define SMALL(T, pe, i) ((T)((pe)*3 + (i) + 1))
#define BITS(T, pe, i) ((T)(0x55 ^ ((pe) << 1) ^ (i)))
#define FACTOR(T, pe, i) ((T)((pe) % 2 + 1 + (i) % 2))

#define DEFINE_BITWISE(T, name)                                                    \
    static void name##_bitwise(shmem_team_t team, T* target, T* source) {          \
        CHECK_REDUCTION(T, name, and, team, target, source, BITS, a = (T)(a & b)); \
        CHECK_REDUCTION(T, name, or, team, target, source, BITS, a = (T)(a | b));  \
        CHECK_REDUCTION(T, name, xor, team, target, source, BITS, a = (T)(a ^ b)); \
    }
#define DEFINE_COMPARE(T, name)                                                        \
    static void name##_compare(shmem_team_t team, T* target, T* source) {              \
        CHECK_REDUCTION(T, name, max, team, target, source, SMALL, a = a < b ? b : a); \
        CHECK_REDUCTION(T, name, min, team, target, source, SMALL, a = b < a ? b : a); \
        CHECK_REDUCTION(T, name, sum, team, target, source, SMALL, a = (T)(a + b));    \
        CHECK_REDUCTION(T, name, prod, team, target, source, FACTOR, a = (T)(a * b));  \
    }
BITWISE_REDUCE_TYPES(DEFINE_BITWISE)
COMPARE_REDUCE_TYPES(DEFINE_COMPARE)

#define RUN_MOVES(T, name) name##_all_moves(heap);
#define RUN_BITWISE(T, name)                                        \
    name##_bitwise(SHMEM_TEAM_WORLD, name##_target, name##_source); \
    name##_bitwise(odd_and_even, (T*)heap, (T*)heap + kCount);
#define RUN_COMPARE(T, name)                                       \
    name##_compare(SHMEM_TEAM_WORLD, (T*)heap, (T*)heap + kCount); \
    name##_compare(odd_and_even, name##_target, name##_source);

// Large ones take other ways than small ones.
static void large(void) {
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    const size_t count = 100003;  // no multiple of the number of PEs
    long* source = (long*)shmem_malloc(count * sizeof(long));
    long* target = (long*)shmem_malloc(count * (size_t)pes * sizeof(long));
    CHECK(source != NULL && target != NULL, "memory");
    for (size_t i = 0; i < count; ++i) {
        source[i] = (long)i * (me + 1);
    }
    shmem_barrier_all();
    CHECK(shmem_long_sum_reduce(SHMEM_TEAM_WORLD, target, source, count) == 0, "sum");
    for (size_t i = 0; i < count; ++i) {
        CHECK(target[i] == (long)i * (pes * (pes + 1) / 2), "large sum: element %zu", i);
    }
    shmem_barrier_all();
    CHECK(shmem_long_fcollect(SHMEM_TEAM_WORLD, target, source, count) == 0, "fcollect");
    for (size_t i = 0; i < count * (size_t)pes; ++i) {
        CHECK(target[i] == (long)(i % count) * (long)(i / count + 1), "large fcollect: element %zu", i);
    }
    shmem_barrier_all();
    CHECK(shmem_long_sum_reduce(SHMEM_TEAM_WORLD, source, source, count) == 0, "sum in place");
    for (size_t i = 0; i < count; ++i) {
        CHECK(source[i] == (long)i * (pes * (pes + 1) / 2), "large sum in place: element %zu", i);
    }
    shmem_free(target);
    shmem_free(source);
}

// The same sets again and again, with one and the same pSync array each.
static void active_sets(void) {
    static long sync_all[SHMEM_REDUCE_SYNC_SIZE];
    static long sync_even[SHMEM_REDUCE_SYNC_SIZE];
    static int work[kCount + SHMEM_REDUCE_MIN_WRKDATA_SIZE];
    static int source[kCount];
    static int target[kPes * kCount];
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    for (int i = 0; i < SHMEM_REDUCE_SYNC_SIZE; ++i) {
        sync_all[i] = sync_even[i] = SHMEM_SYNC_VALUE;
    }
    shmem_barrier_all();
    for (int round = 0; round < 20; ++round) {
        const int root = round % pes;
        for (int i = 0; i < kCount; ++i) {
            source[i] = me + i + round;
            target[i] = -1;
        }
        shmem_barrier(0, 0, pes, sync_all);
        shmem_int_sum_to_all(target, source, kCount, 0, 0, pes, work, sync_all);
        for (int i = 0; i < kCount; ++i) {
            CHECK(target[i] == pes * (pes - 1) / 2 + pes * (i + round), "sum_to_all: element %d", i);
            target[i] = -1;
        }
        shmem_sync(0, 0, pes, sync_all);
        shmem_broadcast32(target, source, kCount, root, 0, 0, pes, sync_all);
        for (int i = 0; i < kCount; ++i) {  // the root's own stays
            CHECK(target[i] == (me == root ? -1 : root + i + round), "broadcast32: element %d", i);
        }
        shmem_sync(0, 0, pes, sync_all);  // all have looked at their targets
        shmem_fcollect32(target, source, kCount, 0, 0, pes, sync_all);
        for (int i = 0; i < pes * kCount; ++i) {
            CHECK(target[i] == i / kCount + i % kCount + round, "fcollect32: element %d", i);
        }
        if (me % 2 == 0) {
            const int even = (pes + 1) / 2;
            shmem_int_max_to_all(target, source, kCount, 0, 1, even, work, sync_even);
            CHECK(target[0] == 2 * (even - 1) + round, "max_to_all of the even PEs");
        }
        shmem_barrier_all();
    }
}

// No elements, no addresses: calls that do nothing, and that all make.
static void nothing(void) {
    static long psync[SHMEM_SYNC_SIZE];
    const int pes = shmem_n_pes();
    CHECK(shmem_int_broadcast(SHMEM_TEAM_WORLD, NULL, NULL, 0, 0) == 0, "broadcast");
    CHECK(shmem_long_fcollect(SHMEM_TEAM_WORLD, NULL, NULL, 0) == 0, "fcollect");
    CHECK(shmem_long_collect(SHMEM_TEAM_WORLD, NULL, NULL, 0) == 0, "collect");
    CHECK(shmem_int_alltoall(SHMEM_TEAM_WORLD, NULL, NULL, 0) == 0, "alltoall");
    CHECK(shmem_int_alltoalls(SHMEM_TEAM_WORLD, NULL, NULL, 1, 1, 0) == 0, "alltoalls");
    CHECK(shmem_int_sum_reduce(SHMEM_TEAM_WORLD, NULL, NULL, 0) == 0, "sum");
    shmem_broadcast32(NULL, NULL, 0, 0, 0, 0, pes, psync);
    shmem_barrier_all();
    shmem_collect64(NULL, NULL, 0, 0, 0, pes, psync);
    shmem_barrier_all();
    shmem_alltoalls32(NULL, NULL, 1, 1, 0, 0, 0, pes, psync);
    shmem_barrier_all();
    shmem_int_max_to_all(NULL, NULL, 0, 0, 0, pes, NULL, psync);
    shmem_barrier_all();
}

int main(void) {
    shmem_init();
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    CHECK(pes <= kPes, "too many PEs");
    shmem_team_t odd;
    shmem_team_t even;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 2, (pes + 1) / 2, NULL, 0, &even) == 0, "even");
    CHECK(pes == 1 || shmem_team_split_strided(SHMEM_TEAM_WORLD, 1, 2, pes / 2, NULL, 0, &odd) == 0, "odd");
    odd_and_even = me % 2 == 0 ? even : odd;
    void* heap = shmem_calloc(2 * (kPes * kCount + 1), sizeof(long double));
    CHECK(heap != NULL, "memory");
    RMA_TYPES(RUN_MOVES)
    shmem_barrier_all();
    BITWISE_REDUCE_TYPES(RUN_BITWISE)
    COMPARE_REDUCE_TYPES(RUN_COMPARE)
    shmem_barrier_all();
    active_sets();
    large();
    nothing();
    shmem_free(heap);
    shmem_team_destroy(odd_and_even);
    done();
    return 0;
}
