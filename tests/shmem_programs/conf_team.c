// SPDX-License-Identifier: Apache-2.0
// Teams: strided, backwards, of two dimensions, of teams; translation; many; used again after their end;
// contexts of teams.
#include "check.h"

enum { kTeams = 1024 };

static shmem_team_t teams[kTeams];
static int word;

// Pointers reach its members, and where they reach all PEs these are its members.
static void shared(int me, int pes) {
    const int size = shmem_team_n_pes(SHMEM_TEAM_SHARED);
    const int place = shmem_team_my_pe(SHMEM_TEAM_SHARED);
    CHECK(shmem_team_translate_pe(SHMEM_TEAM_SHARED, place, SHMEM_TEAM_WORLD) == me, "own place");
    for (int member = 0; member < size; ++member) {
        const int pe = shmem_team_translate_pe(SHMEM_TEAM_SHARED, member, SHMEM_TEAM_WORLD);
        CHECK(pe >= 0 && shmem_ptr(&word, pe) != NULL, "member %d, PE %d", member, pe);
    }
    int reached = 0;
    for (int pe = 0; pe < pes; ++pe) {
        reached += shmem_ptr(&word, pe) != NULL;
    }
    CHECK(size <= reached && (reached < pes || size == pes), "%d of the %d PEs that are reached", size,
          reached);
    static int greatest;
    word = me;
    CHECK((TYPED(int, max_reduce)(SHMEM_TEAM_SHARED, &greatest, &word, 1)) == 0, "reduction");
    CHECK(greatest == shmem_team_translate_pe(SHMEM_TEAM_SHARED, size - 1, SHMEM_TEAM_WORLD),
          "the last member is %d", greatest);
}

static void whole(void) {
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    CHECK(shmem_team_my_pe(SHMEM_TEAM_WORLD) == me && shmem_team_n_pes(SHMEM_TEAM_WORLD) == pes, "world");
    shared(me, pes);
    CHECK(shmem_team_my_pe(SHMEM_TEAM_INVALID) == -1 && shmem_team_n_pes(SHMEM_TEAM_INVALID) == -1, "none");
    CHECK(shmem_team_translate_pe(SHMEM_TEAM_WORLD, pes, SHMEM_TEAM_WORLD) == -1, "a PE that is none");
}

static void strided(void) {
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    shmem_team_t even;
    shmem_team_config_t config = {3};
    const int count = (pes + 1) / 2;
    CHECK(
        shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 2, count, &config, SHMEM_TEAM_NUM_CONTEXTS, &even) == 0,
        "the even PEs");
    CHECK((even != SHMEM_TEAM_INVALID) == (me % 2 == 0), "members, and they alone, get a team");
    if (me % 2 == 0) {
        CHECK(shmem_team_my_pe(even) == me / 2 && shmem_team_n_pes(even) == count, "places");
        shmem_team_config_t kept = {0};
        CHECK(shmem_team_get_config(even, SHMEM_TEAM_NUM_CONTEXTS, &kept) == 0 && kept.num_contexts == 3,
              "config");
        for (int pe = 0; pe < count; ++pe) {
            CHECK(shmem_team_translate_pe(even, pe, SHMEM_TEAM_WORLD) == 2 * pe, "to the world");
            CHECK(shmem_team_translate_pe(SHMEM_TEAM_WORLD, 2 * pe, even) == pe, "from the world");
        }
        CHECK(pes < 2 || shmem_team_translate_pe(SHMEM_TEAM_WORLD, 1, even) == -1, "1 is not even");
        shmem_team_t first;  // of a team: its first half
        const int half = (count + 1) / 2;
        CHECK(shmem_team_split_strided(even, 0, 1, half, NULL, 0, &first) == 0, "the first of the even PEs");
        CHECK((first != SHMEM_TEAM_INVALID) == (me / 2 < half), "members");
        if (first != SHMEM_TEAM_INVALID) {
            CHECK(shmem_team_translate_pe(first, half - 1, SHMEM_TEAM_WORLD) == 2 * (half - 1),
                  "team of a team");
            CHECK(shmem_team_sync(first) == 0, "sync");
            shmem_team_destroy(first);
        }
        shmem_team_destroy(even);
    }
    shmem_team_t backwards;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0, &backwards) == 0,
          "backwards");
    CHECK(shmem_team_my_pe(backwards) == pes - 1 - me, "backwards: place");
    CHECK(shmem_team_translate_pe(backwards, 0, SHMEM_TEAM_WORLD) == pes - 1, "backwards: translation");
    CHECK(shmem_team_translate_pe(SHMEM_TEAM_WORLD, 0, backwards) == pes - 1, "backwards: translation back");
    CHECK(shmem_team_sync(backwards) == 0, "backwards: sync");
    shmem_team_destroy(backwards);
    shmem_team_t none = SHMEM_TEAM_WORLD;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, pes + 1, NULL, 0, &none) != 0, "too large");
    CHECK(none == SHMEM_TEAM_INVALID, "what cannot be made is invalid");
    CHECK(shmem_team_split_strided(SHMEM_TEAM_INVALID, 0, 1, 1, NULL, 0, &none) != 0, "of nothing");
}

static void two_dimensions(void) {
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    for (int width = 1; width <= pes + 1; ++width) {
        shmem_team_t row;
        shmem_team_t column;
        CHECK(shmem_team_split_2d(SHMEM_TEAM_WORLD, width, NULL, 0, &row, NULL, 0, &column) == 0, "2D");
        const int columns = width < pes ? width : pes;
        CHECK(shmem_team_my_pe(row) == me % columns, "width %d: place in the row", width);
        CHECK(shmem_team_my_pe(column) == me / columns, "width %d: place in the column", width);
        const int begin = me / columns * columns;
        CHECK(shmem_team_n_pes(row) == (pes - begin < columns ? pes - begin : columns), "width %d: row",
              width);
        CHECK(shmem_team_n_pes(column) == (pes - me % columns + columns - 1) / columns, "width %d: column",
              width);
        CHECK(shmem_team_translate_pe(row, 0, SHMEM_TEAM_WORLD) == begin, "width %d: row's first", width);
        CHECK(shmem_team_translate_pe(column, 0, SHMEM_TEAM_WORLD) == me % columns, "width %d: column's",
              width);
        CHECK(shmem_team_sync(row) == 0 && shmem_team_sync(column) == 0, "sync");
        shmem_team_destroy(row);
        shmem_team_destroy(column);
    }
}

// All at once, each of its own; then again: what is destroyed can be had again.
static void many(void) {
    const int pes = shmem_n_pes();
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < kTeams; ++i) {
            CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, pes, NULL, 0, &teams[i]) == 0, "team %d",
                  i);
        }
        for (int i = 0; i < kTeams; i += 101) {
            CHECK(shmem_team_sync(teams[i]) == 0, "sync of team %d", i);
        }
        CHECK(teams[0] != teams[kTeams - 1], "each is another one");
        for (int i = 0; i < kTeams; ++i) {
            shmem_team_destroy(teams[i]);
        }
    }
}

// PE numbers of a team's context are those of the team, of puts as of atomics.
static void contexts(void) {
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    shmem_team_t backwards;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0, &backwards) == 0,
          "backwards");
    shmem_ctx_t ctx;
    CHECK(shmem_team_create_ctx(backwards, 0, &ctx) == 0, "context");
    shmem_team_t of_context;
    CHECK(shmem_ctx_get_team(ctx, &of_context) == 0 && of_context == backwards, "its team");
    CHECK(shmem_ctx_get_team(SHMEM_CTX_DEFAULT, &of_context) == 0 && of_context == SHMEM_TEAM_WORLD,
          "default's");
    CHECK(shmem_ctx_get_team(SHMEM_CTX_INVALID, &of_context) != 0 && of_context == SHMEM_TEAM_INVALID,
          "none's");
    word = -1;
    shmem_barrier_all();
    shmem_ctx_int_p(ctx, &word, me, 0);  // to the world's last PE: the last writer is any of them
    shmem_ctx_quiet(ctx);
    shmem_barrier_all();
    CHECK(me == pes - 1 ? word >= 0 : word == -1, "a put of a team's context");
    shmem_barrier_all();
    word = 0;
    shmem_barrier_all();
    shmem_ctx_int_atomic_add(ctx, &word, 1, 0);
    shmem_ctx_quiet(ctx);
    shmem_barrier_all();
    CHECK(word == (me == pes - 1 ? pes : 0), "an atomic operation of a team's context");
    CHECK(shmem_ctx_int_atomic_fetch(ctx, &word, 0) == pes, "an atomic read of a team's context");
    shmem_barrier_all();
    shmem_ctx_destroy(ctx);
    shmem_ctx_destroy(SHMEM_CTX_INVALID);  // nothing
    shmem_team_destroy(backwards);
    shmem_team_destroy(SHMEM_TEAM_INVALID);  // nothing
}

int main(void) {
    shmem_init();
    whole();
    strided();
    two_dimensions();
    many();
    contexts();
    done();
    return 0;
}
