// SPDX-License-Identifier: Apache-2.0
// Many broadcasts, one after the other with nothing between: no root waits for the others, and no value may
// be lost or taken for another one's. The roots change in several ways, one PE is late now and then.
#include <time.h>

#include "check.h"

enum { kRounds = 300, kPes = 8, kArrays = 2 * kPes };

static long sync_arrays[kArrays][SHMEM_BCAST_SYNC_SIZE];
static long source[kRounds];
static long target[kRounds];

static int root_of(int way, int round, int pes) {
    return way == 0 ? 0 : way == 1 ? round % pes : (round / 7 * 3) % pes;
}

static void be_late(int round) {
    if (round % 97 == shmem_my_pe() * 11) {
        const struct timespec time = {0, 2000000};
        nanosleep(&time, NULL);
    }
}

static void prepare(int way) {
    for (int round = 0; round < kRounds; ++round) {
        source[round] = shmem_my_pe() * 1000000L + way * 10000 + round;
        target[round] = -1;
    }
    shmem_barrier_all();
}

static void in_team(shmem_team_t team, int way) {
    const int pes = shmem_team_n_pes(team);
    for (int round = 0; round < kRounds; ++round) {
        be_late(round);
        shmem_long_broadcast(team, target + round, source + round, 1, root_of(way, round, pes));
    }
    for (int round = 0; round < kRounds; ++round) {
        const int root = shmem_team_translate_pe(team, root_of(way, round, pes), SHMEM_TEAM_WORLD);
        CHECK(target[round] == root * 1000000L + way * 10000 + round, "round %d of way %d: %ld", round, way,
              target[round]);
    }
}

// As the specification asks: an array is used again when all are through with its last use.
static void in_active_set(int way) {
    const int pes = shmem_n_pes();
    for (int round = 0; round < kRounds; ++round) {
        be_late(round);
        const int root = root_of(way, round, pes);
        shmem_broadcast64(target + round, source + round, 1, root, 0, 0, pes, sync_arrays[round % kArrays]);
        if (round % kArrays == kArrays - 1) {
            shmem_barrier_all();
        }
        CHECK(shmem_my_pe() == root || target[round] == root * 1000000L + way * 10000 + round,
              "round %d of way %d: %ld", round, way, target[round]);
    }
}

// Two arrays in turn and nothing between, which is less than the specification asks for and what programs do.
static void in_turns(int way) {
    const int pes = shmem_n_pes();
    for (int round = 0; round < kRounds; ++round) {
        be_late(round);
        const int root = root_of(way, round, pes);
        shmem_broadcast64(target + round, source + round, 1, root, 0, 0, pes, sync_arrays[round % 2]);
    }
    for (int round = 0; round < kRounds; ++round) {
        const int root = root_of(way, round, pes);
        CHECK(shmem_my_pe() == root || target[round] == root * 1000000L + way * 10000 + round,
              "round %d of way %d: %ld", round, way, target[round]);
    }
}

int main(void) {
    shmem_init();
    for (int i = 0; i < kArrays; ++i) {
        for (int j = 0; j < SHMEM_BCAST_SYNC_SIZE; ++j) {
            sync_arrays[i][j] = SHMEM_SYNC_VALUE;
        }
    }
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    for (int way = 0; way < 3; ++way) {
        prepare(way);
        in_team(SHMEM_TEAM_WORLD, way);
        prepare(way);
        in_active_set(way);
        prepare(way);
        in_turns(way);
        prepare(way);
        shmem_team_t half;  // made anew, in a place that another one had
        shmem_team_split_strided(SHMEM_TEAM_WORLD, me % 2, 2, (pes + 1 - me % 2) / 2, NULL, 0, &half);
        CHECK(half != SHMEM_TEAM_INVALID, "team");
        in_team(half, way);
        shmem_team_destroy(half);
    }
    done();
    return 0;
}
