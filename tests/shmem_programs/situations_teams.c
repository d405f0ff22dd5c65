// SPDX-License-Identifier: Apache-2.0
// Teams, and contexts with and without threads.
#include <pthread.h>

#include "situations.h"

enum { kThreads = 4 };

// Even and odd PEs add up among themselves.
static void even_and_odd(void) {
    static int own;
    static int sum;
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    shmem_team_t even;
    shmem_team_t odd;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 2, (pes + 1) / 2, NULL, 0, &even) == 0, "even");
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 1, 2, pes / 2, NULL, 0, &odd) == 0, "odd");
    const shmem_team_t mine = me % 2 == 0 ? even : odd;
    CHECK((me % 2 == 0 ? odd : even) == SHMEM_TEAM_INVALID, "the team of the others");
    CHECK(shmem_team_my_pe(mine) == me / 2, "number %d", shmem_team_my_pe(mine));
    own = me;
    shmem_team_sync(mine);
    CHECK((TYPED(int, sum_reduce)(mine, &sum, &own, 1)) == 0, "sum");
    int wanted = 0;
    for (int pe = me % 2; pe < pes; pe += 2) {
        wanted += pe;
    }
    CHECK(sum == wanted, "%d, not %d", sum, wanted);
    shmem_team_destroy(mine);
}

// Numbers of one team in another one.
static void translated_numbers(void) {
    const int pes = shmem_n_pes();
    shmem_team_t backwards;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0, &backwards) == 0, "split");
    for (int pe = 0; pe < pes; ++pe) {
        const int there = shmem_team_translate_pe(SHMEM_TEAM_WORLD, pe, backwards);
        CHECK(there == pes - 1 - pe, "PE %d is %d", pe, there);
        CHECK(shmem_team_translate_pe(backwards, there, SHMEM_TEAM_WORLD) == pe, "and back");
    }
    CHECK(shmem_team_translate_pe(SHMEM_TEAM_WORLD, pes, backwards) == -1, "nobody");
    CHECK(shmem_team_translate_pe(SHMEM_TEAM_INVALID, 0, backwards) == -1, "no team");
    shmem_team_destroy(backwards);
}

static void configured_team(void) {
    shmem_team_config_t wanted;
    wanted.num_contexts = 3;
    shmem_team_t team;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, shmem_n_pes(), &wanted, SHMEM_TEAM_NUM_CONTEXTS,
                                   &team) == 0,
          "split");
    shmem_team_config_t given;
    given.num_contexts = -1;
    CHECK(shmem_team_get_config(team, SHMEM_TEAM_NUM_CONTEXTS, &given) == 0 && given.num_contexts == 3,
          "config");
    shmem_team_destroy(team);
}

// A grid of rows and columns; each PE tells its row's and its column's first PE.
static void grid(void) {
    static int row_sum[64];
    static int column_sum[64];
    const int me = shmem_my_pe();
    shmem_team_t row;
    shmem_team_t column;
    CHECK(shmem_team_split_2d(SHMEM_TEAM_WORLD, 2, NULL, 0, &row, NULL, 0, &column) == 0, "split");
    CHECK(shmem_team_my_pe(row) == me % 2 && shmem_team_my_pe(column) == me / 2, "place in the grid");
    const int first_of_row = shmem_team_translate_pe(row, 0, SHMEM_TEAM_WORLD);
    const int first_of_column = shmem_team_translate_pe(column, 0, SHMEM_TEAM_WORLD);
    CHECK(first_of_row == me / 2 * 2 && first_of_column == me % 2, "first ones: %d, %d", first_of_row,
          first_of_column);
    shmem_int_atomic_add(row_sum, 1, first_of_row);
    shmem_int_atomic_add(column_sum, 1, first_of_column);
    shmem_barrier_all();
    CHECK(me != first_of_row || row_sum[0] == shmem_team_n_pes(row), "members of the row");
    CHECK(me != first_of_column || column_sum[0] == shmem_team_n_pes(column), "members of the column");
    shmem_barrier_all();
    shmem_team_destroy(row);
    shmem_team_destroy(column);
}

// A split of a split: three dimensions.
static void cube(void) {
    shmem_team_t line;
    shmem_team_t plane;
    shmem_team_t across;
    shmem_team_t deep;
    CHECK(shmem_team_split_2d(SHMEM_TEAM_WORLD, 2, NULL, 0, &line, NULL, 0, &plane) == 0, "lines and planes");
    CHECK(shmem_team_split_2d(plane, 2, NULL, 0, &across, NULL, 0, &deep) == 0, "planes again");
    const int me = shmem_my_pe();
    CHECK(shmem_team_my_pe(line) == me % 2 && shmem_team_my_pe(across) == me / 2 % 2 &&
              shmem_team_my_pe(deep) == me / 4,
          "%d %d %d", shmem_team_my_pe(line), shmem_team_my_pe(across), shmem_team_my_pe(deep));
    shmem_team_destroy(deep);
    shmem_team_destroy(across);
    shmem_team_destroy(plane);
    shmem_team_destroy(line);
}

// A context's PE numbers are its team's.
static void context_of_team(void) {
    static int target = -1;
    shmem_team_t team;
    const int pes = shmem_n_pes();
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0, &team) == 0, "split");
    shmem_ctx_t ctx;
    CHECK(shmem_team_create_ctx(team, 0, &ctx) == 0, "context");
    shmem_team_t found;
    CHECK(shmem_ctx_get_team(ctx, &found) == 0 && found == team, "its team");
    const int next = (shmem_team_my_pe(team) + 1) % pes;
    TYPED_CTX(int, p)(ctx, &target, shmem_my_pe(), next);
    shmem_ctx_quiet(ctx);
    shmem_barrier_all();
    CHECK(target == right_of(shmem_my_pe()), "from %d", target);
    shmem_ctx_destroy(ctx);
    shmem_team_destroy(team);
}

// Work that is counted out by one word; each thread has a context of its own.
static long next_task;
static long done_by_all[1000];

static void* work(void* unused) {
    (void)unused;
    shmem_ctx_t ctx;
    CHECK(shmem_ctx_create(SHMEM_CTX_PRIVATE, &ctx) == 0, "context");
    for (;;) {
        const long task = TYPED_CTX(long, atomic_fetch_inc)(ctx, &next_task, 0);
        if (task >= 1000) {
            break;
        }
        TYPED_CTX(long, atomic_add)(ctx, &done_by_all[task], task + 1, (int)(task % shmem_n_pes()));
    }
    shmem_ctx_quiet(ctx);
    shmem_ctx_destroy(ctx);
    return NULL;
}

static void threads_with_contexts(void) {
    int provided = -1;
    shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided);
    CHECK(provided == SHMEM_THREAD_MULTIPLE, "level %d", provided);
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; ++i) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0, "thread");
    }
    for (int i = 0; i < kThreads; ++i) {
        pthread_join(threads[i], NULL);
    }
    shmem_barrier_all();
    for (int task = shmem_my_pe(); task < 1000; task += shmem_n_pes()) {
        CHECK(done_by_all[task] == task + 1, "task %d: %ld", task, done_by_all[task]);
    }
    done();
}

// While one half of a buffer is sent, the other is filled: a context for each half.
static void two_halves(void) {
    enum { kHalf = 1000, kRounds = 10 };
    static int target[2][kHalf];
    static int source[2][kHalf];
    shmem_ctx_t ctx[2];
    CHECK(shmem_ctx_create(0, &ctx[0]) == 0 && shmem_ctx_create(SHMEM_CTX_NOSTORE, &ctx[1]) == 0, "contexts");
    for (int round = 0; round < kRounds; ++round) {
        const int half = round % 2;
        shmem_ctx_quiet(ctx[half]);
        for (int i = 0; i < kHalf; ++i) {
            source[half][i] = round * 10000 + i;
        }
        TYPED_CTX(int, put_nbi)(ctx[half], target[half], source[half], kHalf, right_of(shmem_my_pe()));
    }
    shmem_ctx_quiet(ctx[0]);
    shmem_ctx_quiet(ctx[1]);
    shmem_barrier_all();
    for (int i = 0; i < kHalf; ++i) {
        CHECK(target[0][i] == (kRounds - 2) * 10000 + i && target[1][i] == (kRounds - 1) * 10000 + i,
              "element %d", i);
    }
    shmem_ctx_destroy(ctx[0]);
    shmem_ctx_destroy(ctx[1]);
}

static const struct Situation situations[] = {
    {"even_and_odd", even_and_odd, 0},
    {"translated_numbers", translated_numbers, 0},
    {"configured_team", configured_team, 0},
    {"grid", grid, 0},
    {"cube", cube, 0},
    {"context_of_team", context_of_team, 0},
    {"threads_with_contexts", threads_with_contexts, 1},
    {"two_halves", two_halves, 0},
};

int main(int arguments, char** words) {
    return RUN_SITUATION(situations);
}
