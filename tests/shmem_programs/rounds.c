// SPDX-License-Identifier: Apache-2.0
// Usage: rounds KIND asked|absent|amid [PE [ME PES URL]]. Makes one kind of collective call again and again,
// and looks at what comes of each. "asked": until PE 0 reads "end"; it answers each other line with the
// number of rounds. "absent": PE is killed where the others make the next call. "amid": PE is killed at any
// moment. With ME, PES and URL no launcher has started it. Without arguments: the kinds.
#include <pthread.h>
#include <shmemx.h>
#include <signal.h>
#include <stdatomic.h>

#include "check.h"

enum { kSmall = 5, kLarge = 60013, kFirstRounds = 20, kRoundsBetweenQuestions = 16 };

static int me;
static int pes;
static int* from;  // kLarge elements for each PE
static int* to;
static long psync[SHMEM_REDUCE_SYNC_SIZE];
static atomic_int rounds;
static atomic_int is_asked_to_end;

static void fill(int count, int round) {
    for (int i = 0; i < count; ++i) {
        from[i] = me * 7 + i + round;
    }
}

static void expect(int begin, int count, int pe, int first, int round) {
    for (int i = 0; i < count; ++i) {
        CHECK(to[begin + i] == pe * 7 + first + i + round, "round %d: element %d is %d", round, begin + i,
              to[begin + i]);
    }
}

static void broadcast(int round, int count) {
    fill(count, round);
    shmem_int_broadcast(SHMEM_TEAM_WORLD, to, from, (size_t)count, round % pes);
    expect(0, count, round % pes, 0, round);
}

static void fcollect(int round, int count) {
    fill(count, round);
    shmem_int_fcollect(SHMEM_TEAM_WORLD, to, from, (size_t)count);
    for (int pe = 0; pe < pes; ++pe) {
        expect(pe * count, count, pe, 0, round);
    }
}

// Of each PE a few elements more.
static void collect(int round, int count) {
    fill(count + me, round);
    shmem_int_collect(SHMEM_TEAM_WORLD, to, from, (size_t)(count + me));
    for (int pe = 0, begin = 0; pe < pes; begin += count + pe, ++pe) {
        expect(begin, count + pe, pe, 0, round);
    }
}

static void alltoall(int round, int count) {
    fill(count * pes, round);
    shmem_int_alltoall(SHMEM_TEAM_WORLD, to, from, (size_t)count);
    for (int pe = 0; pe < pes; ++pe) {
        expect(pe * count, count, pe, me * count, round);
    }
}

static void alltoalls(int round, int count) {
    fill(count * pes, round);
    shmem_int_alltoalls(SHMEM_TEAM_WORLD, to, from, 2, 1, (size_t)count);
    for (int i = 0; i < count * pes; ++i) {
        CHECK(to[2 * i] == i / count * 7 + me * count + i % count + round, "round %d: element %d", round, i);
    }
}

static void expect_sum(int count, int round) {
    for (int i = 0; i < count; ++i) {
        CHECK(to[i] == pes * (pes - 1) / 2 * 7 + pes * (i + round), "round %d: element %d is %d", round, i,
              to[i]);
    }
}

static void reduce(int round, int count) {
    fill(count, round);
    shmem_int_sum_reduce(SHMEM_TEAM_WORLD, to, from, (size_t)count);
    expect_sum(count, round);
}

static void active_set(int round, int count) {
    static int work[kSmall + SHMEM_REDUCE_MIN_WRKDATA_SIZE];
    fill(count, round);
    shmem_int_sum_to_all(to, from, count, 0, 0, pes, work, psync);
    expect_sum(count, round);
}

static void barrier(int round, int count) {
    static int given;
    (void)count;
    shmem_int_p(&given, round, right_of(me));
    shmem_barrier_all();
    CHECK(given == round, "round %d: it is %d", round, given);
}

static void allocate(int round, int count) {
    int* block = (int*)shmem_malloc((size_t)count * sizeof *block);
    CHECK(block != NULL, "round %d", round);
    shmem_free(block);
}

static void split(int round, int count) {
    shmem_team_t team = SHMEM_TEAM_INVALID;
    (void)count;
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, pes, NULL, 0, &team) == 0, "round %d", round);
    CHECK(shmem_team_my_pe(team) == me, "round %d", round);
    shmem_team_destroy(team);
}

static const struct Kind {
    const char* name;
    void (*make)(int round, int count);
    int count;
} kinds[] = {
    {"barrier", barrier, 0},
    {"broadcast", broadcast, kSmall},
    {"broadcast_large", broadcast, kLarge},
    {"collect", collect, kSmall},
    {"collect_large", collect, kLarge / 2},
    {"fcollect", fcollect, kSmall},
    {"fcollect_large", fcollect, kLarge},
    {"alltoall", alltoall, kSmall},
    {"alltoall_large", alltoall, kLarge},
    {"alltoalls", alltoalls, kSmall},
    {"alltoalls_large", alltoalls, kLarge / 2},
    {"reduce", reduce, kSmall},
    {"reduce_large", reduce, kLarge},
    {"active_set", active_set, kSmall},
    {"allocate", allocate, kLarge},
    {"split", split, 0},
};
enum { kKinds = sizeof kinds / sizeof *kinds };

static void* answer_questions(void* unused) {
    char line[16];
    (void)unused;
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "end\n") != 0) {
        printf("%d\n", atomic_load(&rounds));
        fflush(stdout);
    }
    atomic_store(&is_asked_to_end, 1);
    return NULL;
}

static void* kill_amid(void* unused) {
    (void)unused;
    while (atomic_load(&rounds) < kFirstRounds) {
    }
    raise(SIGKILL);
    return NULL;
}

static int all_are_to_end(void) {
    static int told;
    static int heard;
    told = atomic_load(&is_asked_to_end);
    shmem_int_broadcast(SHMEM_TEAM_WORLD, &heard, &told, 1, 0);
    return heard;
}

static void start(int count, char** arguments) {
    if (count <= 4) {
        shmem_init();
    } else {
        shmemx_init_attr_t attributes = {0, 0, 1 << 24, NULL, 60, 60, 60};
        attributes.my_pe = atoi(arguments[4]);
        attributes.n_pes = atoi(arguments[5]);
        attributes.store_url = arguments[6];
        if (shmemx_init_attr(&attributes) != 0) {
            exit(3);
        }
    }
    me = shmem_my_pe();
    pes = shmem_n_pes();
    from = (int*)shmem_malloc((size_t)pes * kLarge * sizeof *from);
    to = (int*)shmem_malloc((size_t)pes * kLarge * sizeof *to);
    CHECK(from != NULL && to != NULL, "memory");
    for (int i = 0; i < SHMEM_REDUCE_SYNC_SIZE; ++i) {
        psync[i] = SHMEM_SYNC_VALUE;
    }
    shmem_barrier_all();
}

int main(int count, char** arguments) {
    const struct Kind* kind = NULL;
    pthread_t thread;
    for (int i = 0; i < kKinds; ++i) {
        if (count == 1) {
            puts(kinds[i].name);
        } else if (strcmp(kinds[i].name, arguments[1]) == 0) {
            kind = &kinds[i];
        }
    }
    if (kind == NULL || count < 3) {
        return count == 1 ? 0 : 2;
    }
    start(count, arguments);
    const int is_victim = count > 3 && atoi(arguments[3]) == me;
    const int goes_absent = is_victim && strcmp(arguments[2], "absent") == 0;
    if (is_victim && strcmp(arguments[2], "amid") == 0) {
        pthread_create(&thread, NULL, kill_amid, NULL);
    } else if (me == 0 && strcmp(arguments[2], "asked") == 0) {
        pthread_create(&thread, NULL, answer_questions, NULL);
        pthread_detach(thread);
    }
    for (int round = 0; round % kRoundsBetweenQuestions != 0 || !all_are_to_end(); ++round) {
        if (goes_absent && round == kFirstRounds) {
            raise(SIGKILL);
        }
        kind->make(round, kind->count);
        shmem_sync_all();  // all have looked
        atomic_fetch_add(&rounds, 1);
    }
    shmem_free(to);
    shmem_free(from);
    done();
    return 0;
}
