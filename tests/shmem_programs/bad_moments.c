// SPDX-License-Identifier: Apache-2.0
// Usage: bad_moments WHEN CALL. Makes one call before init, after finalize, or between them (to see that
// there it is none that is wrong).
#include "check.h"

static int number;
static int pes = 2;
static int work[SHMEM_REDUCE_MIN_WRKDATA_SIZE];
static long lock;
static uint64_t signal_word;
static long psync[SHMEM_SYNC_SIZE];

#define CALLS(X)                                                                                   \
    X(my_pe, shmem_my_pe())                                                                        \
    X(n_pes, shmem_n_pes())                                                                        \
    X(pe_accessible, shmem_pe_accessible(0))                                                       \
    X(addr_accessible, shmem_addr_accessible(&number, 0))                                          \
    X(ptr, shmem_ptr(&number, 0))                                                                  \
    X(query_thread, shmem_query_thread(&number))                                                   \
    X(malloc, shmem_malloc(8))                                                                     \
    X(calloc, shmem_calloc(8, 8))                                                                  \
    X(align, shmem_align(64, 64))                                                                  \
    X(realloc, shmem_realloc(NULL, 8))                                                             \
    X(malloc_with_hints, shmem_malloc_with_hints(8, 0))                                            \
    X(free, shmem_free(NULL))                                                                      \
    X(int_p, shmem_int_p(&number, 1, 0))                                                           \
    X(int_g, shmem_int_g(&number, 0))                                                              \
    X(putmem, shmem_putmem(&number, &lock, 4, 0))                                                  \
    X(getmem, shmem_getmem(&lock, &number, 4, 0))                                                  \
    X(int_iput, shmem_int_iput(&number, &number, 1, 1, 1, 0))                                      \
    X(putmem_nbi, shmem_putmem_nbi(&number, &lock, 4, 0))                                          \
    X(putmem_signal, shmem_putmem_signal(&number, &lock, 4, &signal_word, 1, SHMEM_SIGNAL_SET, 0)) \
    X(int_atomic_add, shmem_int_atomic_add(&number, 1, 0))                                         \
    X(int_atomic_fetch, shmem_int_atomic_fetch(&number, 0))                                        \
    X(int_wait_until, shmem_int_wait_until(&number, SHMEM_CMP_LT, 1 << 30))                        \
    X(int_test, shmem_int_test(&number, SHMEM_CMP_EQ, 1))                                          \
    X(int_wait_until_any, shmem_int_wait_until_any(&number, 1, NULL, SHMEM_CMP_LT, 1 << 30))       \
    X(fence, shmem_fence())                                                                        \
    X(quiet, shmem_quiet())                                                                        \
    X(barrier_all, shmem_barrier_all())                                                            \
    X(sync_all, shmem_sync_all())                                                                  \
    X(barrier, shmem_barrier(0, 0, pes, psync))                                                    \
    X(team_sync, shmem_team_sync(SHMEM_TEAM_WORLD))                                                \
    X(team_my_pe, shmem_team_my_pe(SHMEM_TEAM_WORLD))                                              \
    X(team_n_pes, shmem_team_n_pes(SHMEM_TEAM_WORLD))                                              \
    X(team_translate_pe, shmem_team_translate_pe(SHMEM_TEAM_WORLD, 0, SHMEM_TEAM_WORLD))           \
    X(team_split_strided, shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 1, NULL, 0, &team))     \
    X(team_destroy, shmem_team_destroy(SHMEM_TEAM_INVALID))                                        \
    X(ctx_create, shmem_ctx_create(0, &ctx))                                                       \
    X(ctx_quiet, shmem_ctx_quiet(SHMEM_CTX_DEFAULT))                                               \
    X(ctx_destroy, shmem_ctx_destroy(SHMEM_CTX_INVALID))                                           \
    X(int_broadcast, shmem_int_broadcast(SHMEM_TEAM_WORLD, &number, &number, 1, 0))                \
    X(int_sum_reduce, shmem_int_sum_reduce(SHMEM_TEAM_WORLD, &number, &number, 1))                 \
    X(int_sum_to_all, shmem_int_sum_to_all(&number, &number, 1, 0, 0, pes, work, psync))           \
    X(set_lock, (shmem_set_lock(&lock), shmem_clear_lock(&lock)))                                  \
    X(test_lock, shmem_test_lock(&lock))                                                           \
    X(signal_fetch, shmem_signal_fetch(&signal_word))

static void call(const char* name) {
    shmem_team_t team = SHMEM_TEAM_INVALID;
    shmem_ctx_t ctx = SHMEM_CTX_INVALID;
#define CALL_ONE(NAME, EXPRESSION)  \
    if (strcmp(name, #NAME) == 0) { \
        (void)(EXPRESSION);         \
        return;                     \
    }
    CALLS(CALL_ONE)
    if (strcmp(name, "finalize") == 0) {
        shmem_finalize();
    } else if (strcmp(name, "global_exit") == 0) {
        shmem_global_exit(3);
    } else if (strcmp(name, "init") == 0) {
        shmem_init();
    } else if (strcmp(name, "init_thread") == 0) {
        shmem_init_thread(SHMEM_THREAD_SINGLE, &number);
    } else {
        printf("there is no %s\n", name);
    }
}

int main(int count, char** arguments) {
    if (count != 3) {  // the names for the test
#define PRINT_ONE(NAME, EXPRESSION) puts(#NAME);
        CALLS(PRINT_ONE)
        return 0;
    }
    if (strcmp(arguments[1], "before") == 0) {
        call(arguments[2]);
        printf("survived\n");
    }
    shmem_init();
    if (strcmp(arguments[1], "between") == 0) {
        call(arguments[2]);
        done();
        return 0;
    }
    shmem_finalize();
    call(arguments[2]);
    printf("survived\n");
    return 0;
}
