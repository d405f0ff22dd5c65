// SPDX-License-Identifier: Apache-2.0
// Usage: bad_arguments CASE, on 2 PEs. Each case is a call that is wrong; what has to come of it stands in
// tests/multiproc/test_shmem_bad.py.
#include "check.h"

static int number;
static long word;
static int all[64];
static uint64_t sig;
static int me;
static shmem_ctx_t ctx;
static shmem_team_t team;

static shmem_team_t destroyed_team(void) {
    shmem_team_t made = SHMEM_TEAM_INVALID;
    shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 2, NULL, 0, &made);
    shmem_team_t stale = made;
    shmem_team_destroy(made);
    return stale;
}

static char* freed(void) {
    char* block = (char*)shmem_malloc(100);
    shmem_free(block);
    return block;
}

static void team_of_me(void) {
    shmem_team_t other;
    shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 1, NULL, 0, me == 0 ? &team : &other);
    shmem_team_split_strided(SHMEM_TEAM_WORLD, 1, 1, 1, NULL, 0, me == 1 ? &team : &other);
    shmem_team_create_ctx(team, 0, &ctx);
}

#define HUGE_COUNT (SIZE_MAX / 2)
#define EITHER(FIRST, SECOND) (me == 0 ? (void)(FIRST) : (void)(SECOND))
#define CASES(X)                                                                                        \
    X(pe_of_get, shmem_getmem(local, &word, 8, 2))                                                      \
    X(pe_of_atomic, shmem_long_atomic_fetch_add(&word, 1, 2))                                           \
    X(pe_of_signal, shmem_putmem_signal(&number, local, 4, &sig, 1, SHMEM_SIGNAL_SET, -1))              \
    X(pe_of_strided, shmem_int_iget(&number, all, 1, 1, 1, 2))                                          \
    X(pe_of_context, (team_of_me(), shmem_ctx_int_p(ctx, &number, 1, 1)))                               \
    X(stack_atomic, shmem_long_atomic_inc(local, 0))                                                    \
    X(stack_signal, shmem_putmem_signal(&number, local, 4, (uint64_t*)local, 1, SHMEM_SIGNAL_SET, 0))   \
    X(stack_signal_data, shmem_putmem_signal(local, &number, 4, &sig, 1, SHMEM_SIGNAL_SET, 0))          \
    X(stack_wait, shmem_int_wait_until((int*)local, SHMEM_CMP_EQ, 0))                                   \
    X(stack_lock, shmem_set_lock(local))                                                                \
    X(stack_get, shmem_getmem(&number, local, 4, 0))                                                    \
    X(stack_collective, shmem_int_fcollect(SHMEM_TEAM_WORLD, (int*)local, &number, 1))                  \
    X(stack_psync, shmem_barrier(0, 0, 2, local))                                                       \
    X(null_put, shmem_putmem(NULL, local, 8, 0))                                                        \
    X(too_many, shmem_long_put(&word, local, HUGE_COUNT, 0))                                            \
    X(too_many_signal, shmem_long_put_signal(&word, local, HUGE_COUNT, &sig, 1, SHMEM_SIGNAL_SET, 0))   \
    X(too_many_collective, shmem_long_broadcast(SHMEM_TEAM_WORLD, &word, &word, HUGE_COUNT, 0))         \
    X(realloc_middle, shmem_realloc((char*)shmem_malloc(100) + 8, 200))                                 \
    X(realloc_freed, shmem_realloc(freed(), 200))                                                       \
    X(alignment_zero, shmem_align(0, 64))                                                               \
    X(malloc_sizes, shmem_malloc(me == 0 ? 64 : 128))                                                   \
    X(malloc_or_free, EITHER(shmem_malloc(64), shmem_free(NULL)))                                       \
    X(barrier_or_sync, EITHER(shmem_barrier_all(), shmem_sync_all()))                                   \
    X(team_sync_or_fcollect,                                                                            \
      EITHER(shmem_team_sync(SHMEM_TEAM_WORLD), shmem_int_fcollect(SHMEM_TEAM_WORLD, all, &number, 1))) \
    X(roots, shmem_int_broadcast(SHMEM_TEAM_WORLD, all, &number, 1, me))                                \
    X(reductions, EITHER(shmem_int_sum_reduce(SHMEM_TEAM_WORLD, all, &number, 1),                       \
                         shmem_int_max_reduce(SHMEM_TEAM_WORLD, all, &number, 1)))                      \
    X(destroy_team_twice, shmem_team_destroy(destroyed_team()))                                         \
    X(destroyed_team_splits, shmem_team_split_strided(destroyed_team(), 0, 1, 1, NULL, 0, &team))       \
    X(context_of_destroyed_team,                                                                        \
      (team_of_me(), shmem_team_destroy(team), shmem_ctx_int_p(ctx, &number, 1, 0)))                    \
    X(destroy_world, shmem_team_destroy(SHMEM_TEAM_WORLD))                                              \
    X(invalid_team, shmem_int_fcollect(SHMEM_TEAM_INVALID, all, &number, 1))                            \
    X(invalid_context, shmem_ctx_int_p(SHMEM_CTX_INVALID, &number, 1, 0))                               \
    X(destroy_context_twice, (team_of_me(), shmem_ctx_destroy(ctx), shmem_ctx_destroy(ctx)))            \
    X(destroy_default_context, shmem_ctx_destroy(SHMEM_CTX_DEFAULT))                                    \
    X(context_options, shmem_ctx_create(0x1000, &ctx))                                                  \
    X(comparison, shmem_int_wait_until(&number, 99, 0))                                                 \
    X(signal_operation, shmem_putmem_signal(&number, local, 4, &sig, 1, 99, 0))                         \
    X(clear_free_lock, shmem_clear_lock(&word))

int main(int count, char** arguments) {
    long local[SHMEM_SYNC_SIZE] = {0};
    if (count < 2) {  // the names for the test
#define PRINT_ONE(NAME, EXPRESSION) puts(#NAME);
        CASES(PRINT_ONE)
        return 0;
    }
    shmem_init();
    me = shmem_my_pe();
#define CALL_ONE(NAME, EXPRESSION)          \
    if (strcmp(arguments[1], #NAME) == 0) { \
        (void)(EXPRESSION);                 \
    }
    CASES(CALL_ONE)
    printf("survived %s\n", arguments[1]);
    shmem_finalize();
    return 0;
}
