// SPDX-License-Identifier: Apache-2.0
// Barriers and collectives, of teams and of active sets.
#include "situations.h"

enum { kMostPes = 64, kCount = 4 };

static long psync[2][SHMEM_SYNC_SIZE];

static void clear_psync(void) {
    for (int i = 0; i < SHMEM_SYNC_SIZE; ++i) {
        psync[0][i] = psync[1][i] = SHMEM_SYNC_VALUE;
    }
    shmem_barrier_all();
}

// What was put before a barrier is there after it.
static void barrier_of_all(void) {
    static int value = -1;
    TYPED(int, p)(&value, shmem_my_pe() * 2, right_of(shmem_my_pe()));
    shmem_barrier_all();
    CHECK(value == left_of(shmem_my_pe()) * 2, "value %d", value);
}

// The even PEs meet; the odd ones take no part.
static void barrier_of_some(void) {
    static int value = -1;
    const int pes = shmem_n_pes();
    const int even = (pes + 1) / 2;
    const int me = shmem_my_pe();
    clear_psync();
    if (me % 2 == 0) {
        TYPED(int, p)(&value, me, (me + 2) % (2 * even));
        shmem_barrier(0, 1, even, psync[0]);
        CHECK(value == (me + 2 * even - 2) % (2 * even), "value %d", value);
        shmem_sync(0, 1, even, psync[1]);
    }
}

// Sync waits for PEs, not for puts: enough where the data is the PE's own.
static void sync_of_all_and_of_teams(void) {
    static int own;
    shmem_team_t team;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, shmem_n_pes(), NULL, 0, &team) == 0, "split");
    own = shmem_my_pe() + 1;
    shmem_sync_all();
    CHECK(TYPED(int, g)(&own, right_of(shmem_my_pe())) == right_of(shmem_my_pe()) + 1, "after sync_all");
    shmem_sync_all();
    own = shmem_my_pe() + 100;
    CHECK(shmem_team_sync(team) == 0, "sync");
    CHECK(TYPED(int, g)(&own, left_of(shmem_my_pe())) == left_of(shmem_my_pe()) + 100, "after team_sync");
    CHECK(shmem_team_sync(SHMEM_TEAM_SHARED) == 0, "the PEs of this host");
    shmem_team_destroy(team);
}

static void broadcast_to_all(void) {
    static long source[kCount];
    static long target[kCount];
    FILL(long, source, kCount, shmem_my_pe());
    CHECK((TYPED(long, broadcast)(SHMEM_TEAM_WORLD, target, source, kCount, shmem_n_pes() - 1)) == 0,
          "broadcast");
    EXPECT(long, target, kCount, shmem_n_pes() - 1, "broadcast");
    static char bytes[33];
    static char given[33];
    memset(given, 'a' + shmem_my_pe(), sizeof given);
    CHECK(shmem_broadcastmem(SHMEM_TEAM_WORLD, bytes, given, sizeof given, 0) == 0, "bytes");
    CHECK(bytes[0] == 'a' && bytes[32] == 'a', "bytes");
}

static void broadcast_in_active_set(void) {
    static long source[kCount];
    static long target[kCount];
    clear_psync();
    FILL(long, source, kCount, shmem_my_pe());
    shmem_broadcast64(target, source, kCount, 0, 0, 0, shmem_n_pes(), psync[0]);
    if (shmem_my_pe() != 0) {
        EXPECT(long, target, kCount, 0, "broadcast64");
    }
}

// As many elements of each PE as it has, and the same number of each.
static void collect_from_all(void) {
    static int source[kMostPes];
    static int target[kMostPes * (kMostPes + 1) / 2];
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    FILL(int, source, me + 1, me);
    CHECK((TYPED(int, collect)(SHMEM_TEAM_WORLD, target, source, (size_t)me + 1)) == 0, "collect");
    for (int pe = 0, at = 0; pe < pes; at += ++pe) {
        EXPECT(int, target + at, pe + 1, pe, "collect");
    }
    shmem_barrier_all();
    CHECK((TYPED(int, fcollect)(SHMEM_TEAM_WORLD, target, source, 1)) == 0, "fcollect");
    for (int pe = 0; pe < pes; ++pe) {
        EXPECT(int, target + pe, 1, pe, "fcollect");
    }
}

static void collect_in_active_set(void) {
    static uint32_t source[2];
    static uint32_t target[2 * kMostPes];
    clear_psync();
    FILL(uint32_t, source, 2, shmem_my_pe());
    shmem_collect32(target, source, 2, 0, 0, shmem_n_pes(), psync[0]);
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        EXPECT(uint32_t, target + 2 * pe, 2, pe, "collect32");
    }
}

// A matrix whose rows lie on the PEs is transposed.
static void transpose(void) {
    static int row[kMostPes];
    static int column[kMostPes];
    const int pes = shmem_n_pes();
    for (int i = 0; i < pes; ++i) {
        row[i] = shmem_my_pe() * 100 + i;
    }
    CHECK((TYPED(int, alltoall)(SHMEM_TEAM_WORLD, column, row, 1)) == 0, "alltoall");
    for (int i = 0; i < pes; ++i) {
        CHECK(column[i] == i * 100 + shmem_my_pe(), "element %d", i);
    }
}

static void transpose_in_active_set(void) {
    static uint64_t row[kMostPes];
    static uint64_t column[kMostPes];
    const int pes = shmem_n_pes();
    clear_psync();
    for (int i = 0; i < pes; ++i) {
        row[i] = (uint64_t)(shmem_my_pe() * 100 + i);
    }
    shmem_alltoall64(column, row, 1, 0, 0, pes, psync[0]);
    for (int i = 0; i < pes; ++i) {
        CHECK(column[i] == (uint64_t)(i * 100 + shmem_my_pe()), "element %d", i);
    }
}

// Every second element goes out, into every third place.
static void transpose_with_strides(void) {
    static long row[2 * kMostPes];
    static long column[3 * kMostPes];
    const int pes = shmem_n_pes();
    for (int i = 0; i < 2 * pes; ++i) {
        row[i] = shmem_my_pe() * 1000 + i;
    }
    CHECK((TYPED(long, alltoalls)(SHMEM_TEAM_WORLD, column, row, 3, 2, 1)) == 0, "alltoalls");
    for (int i = 0; i < 3 * pes; ++i) {
        CHECK(column[i] == (i % 3 == 0 ? i / 3 * 1000 + shmem_my_pe() * 2 : 0), "element %d", i);
    }
    clear_psync();
    shmem_alltoalls64(column, row, 3, 2, 1, 0, 0, pes, psync[0]);
    CHECK(column[0] == shmem_my_pe() * 2, "alltoalls64");
}

// Whether all, any, how many: with logic, and with numbers.
static void reduce_of_all(void) {
    static unsigned source[2];
    static unsigned target[2];
    const unsigned me = (unsigned)shmem_my_pe();
    const unsigned pes = (unsigned)shmem_n_pes();
    source[0] = 1U << me;
    source[1] = me == 0 ? 6 : 7;
    shmem_sync_all();
    CHECK((TYPED(uint, or_reduce)(SHMEM_TEAM_WORLD, target, source, 1)) == 0 && target[0] == (1U << pes) - 1,
          "or");
    CHECK((TYPED(uint, and_reduce)(SHMEM_TEAM_WORLD, target, source + 1, 1)) == 0 && target[0] == 6, "and");
    CHECK((TYPED(uint, xor_reduce)(SHMEM_TEAM_WORLD, target, source, 1)) == 0 && target[0] == (1U << pes) - 1,
          "xor");
    static double value;
    static double result;
    value = me + 0.25;
    shmem_sync_all();
    CHECK((TYPED(double, max_reduce)(SHMEM_TEAM_WORLD, &result, &value, 1)) == 0 && result == pes - 0.75,
          "max");
    CHECK((TYPED(double, min_reduce)(SHMEM_TEAM_WORLD, &result, &value, 1)) == 0 && result == 0.25, "min");
    CHECK((TYPED(double, sum_reduce)(SHMEM_TEAM_WORLD, &result, &value, 1)) == 0, "sum");
    CHECK(result == pes * (pes - 1) / 2.0 + pes * 0.25, "sum %g", result);
}

static void reduce_in_active_set(void) {
    static int source[3];
    static int target[3];
    static int work[SHMEM_REDUCE_MIN_WRKDATA_SIZE + 3];
    clear_psync();
    FILL(int, source, 3, shmem_my_pe());
    shmem_int_max_to_all(target, source, 3, 0, 0, shmem_n_pes(), work, psync[0]);
    EXPECT(int, target, 3, shmem_n_pes() - 1, "max_to_all");
    shmem_sync_all();
    shmem_int_sum_to_all(target, source, 3, 0, 0, shmem_n_pes(), work, psync[1]);
    CHECK(target[0] == shmem_n_pes() * (shmem_n_pes() - 1) / 2 * 11 + shmem_n_pes(), "sum_to_all %d",
          target[0]);
}

static const struct Situation situations[] = {
    {"barrier_of_all", barrier_of_all, 0},
    {"barrier_of_some", barrier_of_some, 0},
    {"sync_of_all_and_of_teams", sync_of_all_and_of_teams, 0},
    {"broadcast_to_all", broadcast_to_all, 0},
    {"broadcast_in_active_set", broadcast_in_active_set, 0},
    {"collect_from_all", collect_from_all, 0},
    {"collect_in_active_set", collect_in_active_set, 0},
    {"transpose", transpose, 0},
    {"transpose_in_active_set", transpose_in_active_set, 0},
    {"transpose_with_strides", transpose_with_strides, 0},
    {"reduce_of_all", reduce_of_all, 0},
    {"reduce_in_active_set", reduce_in_active_set, 0},
};

int main(int arguments, char** words) {
    return RUN_SITUATION(situations);
}
