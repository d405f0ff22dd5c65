// SPDX-License-Identifier: Apache-2.0
// Several threads of every PE at once: fence in contexts, atomics and waits on the default context, and
// collectives of several teams.
#include <pthread.h>

#include "check.h"

enum { kThreads = 3, kWords = 33, kRounds = 100 };

// One row a thread; static and heap.
struct Row {
    long data[kWords];
    long flag;
    long answer;
    long sum;
    long from[8];
    long total;
};
static struct Row static_rows[kThreads];
static struct Row* heap_rows;
static shmem_team_t teams[kThreads];

typedef void (*Work)(struct Row* row, int thread);

struct Job {
    Work work;
    struct Row* row;
    int thread;
};

static void* run_job(void* argument) {
    const struct Job* job = (const struct Job*)argument;
    job->work(job->row, job->thread);
    return NULL;
}

static void at_once(Work work, struct Row* rows) {
    pthread_t running[kThreads];
    struct Job jobs[kThreads];
    memset(rows, 0, kThreads * sizeof *rows);
    shmem_barrier_all();
    for (int i = 0; i < kThreads; ++i) {
        jobs[i].work = work;
        jobs[i].row = &rows[i];
        jobs[i].thread = i;
        CHECK(pthread_create(&running[i], NULL, run_job, &jobs[i]) == 0, "thread %d", i);
    }
    for (int i = 0; i < kThreads; ++i) {
        CHECK(pthread_join(running[i], NULL) == 0, "thread %d", i);
    }
    shmem_barrier_all();
}

// Data, fence of the thread's own context, flag; the reader answers before the next round overwrites.
static void fence_in_context(struct Row* row, int thread) {
    const int right = right_of(shmem_my_pe());
    const int left = left_of(shmem_my_pe());
    const long options[kThreads] = {0, SHMEM_CTX_SERIALIZED, SHMEM_CTX_PRIVATE};
    shmem_ctx_t ctx;
    CHECK(shmem_ctx_create(options[thread], &ctx) == 0, "context of thread %d", thread);
    for (long round = 1; round <= kRounds; ++round) {
        long local[kWords];
        for (int i = 0; i < kWords; ++i) {
            local[i] = round * 1000 + thread * 100 + i;
        }
        TYPED_CTX(long, put)(ctx, row->data, local, kWords, right);
        shmem_ctx_fence(ctx);
        TYPED_CTX(long, p)(ctx, &row->flag, round, right);
        TYPED(long, wait_until)(&row->flag, SHMEM_CMP_EQ, round);
        for (int i = 0; i < kWords; ++i) {
            CHECK(row->data[i] == round * 1000 + thread * 100 + i, "thread %d, round %ld, word %d: %ld",
                  thread, round, i, row->data[i]);
        }
        TYPED_CTX(long, p)(ctx, &row->answer, round, left);
        TYPED(long, wait_until)(&row->answer, SHMEM_CMP_EQ, round);
    }
    shmem_ctx_destroy(ctx);
}

// The default context belongs to all threads: adding at every PE, then each waits for its own sum.
static void default_context(struct Row* row, int thread) {
    const int pes = shmem_n_pes();
    const int me = shmem_my_pe();
    for (int round = 0; round < kRounds; ++round) {
        for (int pe = 0; pe < pes; ++pe) {
            TYPED(long, atomic_add)(&row->sum, thread + 1, pe);
        }
    }
    const long expected = (long)(thread + 1) * kRounds * pes;
    TYPED(long, wait_until)(&row->sum, SHMEM_CMP_EQ, expected);
    TYPED(long, p)(&row->from[me], 100 * me + thread, right_of(me));
    shmem_quiet();
    CHECK(TYPED(long, g)(&row->from[me], right_of(me)) == 100 * me + thread, "what thread %d wrote", thread);
    CHECK(TYPED(long, atomic_fetch)(&row->sum, me) == expected, "more than expected by thread %d", thread);
}

// Each thread reduces in a team of its own, while the others do so in theirs.
static void collectives_of_teams(struct Row* row, int thread) {
    const int pes = shmem_n_pes();
    for (int round = 1; round <= kRounds; ++round) {
        row->sum = (long)(shmem_my_pe() + 1) * (thread + 1) * round;
#ifdef GENERIC
        CHECK(shmem_sum_reduce(teams[thread], &row->total, &row->sum, 1) == 0, "reduction");
#else
        CHECK(shmem_long_sum_reduce(teams[thread], &row->total, &row->sum, 1) == 0, "reduction");
#endif
        CHECK(row->total == (long)(thread + 1) * round * pes * (pes + 1) / 2, "thread %d, round %d: %ld",
              thread, round, row->total);
        CHECK(shmem_team_sync(teams[thread]) == 0, "sync");
    }
}

int main(void) {
    int provided = -1;
    CHECK(shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) == 0, "start");
    CHECK(provided == SHMEM_THREAD_MULTIPLE, "level %d", provided);
    int level = -1;
    shmem_query_thread(&level);
    CHECK(level == SHMEM_THREAD_MULTIPLE, "level %d", level);
    for (int i = 0; i < kThreads; ++i) {
        CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, shmem_n_pes(), NULL, 0, &teams[i]) == 0,
              "team %d", i);
    }
    heap_rows = (struct Row*)shmem_malloc(kThreads * sizeof *heap_rows);
    CHECK(heap_rows != NULL, "memory");
    const Work works[] = {fence_in_context, default_context, collectives_of_teams};
    for (size_t i = 0; i < sizeof works / sizeof works[0]; ++i) {
        at_once(works[i], static_rows);
        at_once(works[i], heap_rows);
    }
    for (int i = 0; i < kThreads; ++i) {
        shmem_team_destroy(teams[i]);
    }
    shmem_free(heap_rows);
    done();
    return 0;
}
