// SPDX-License-Identifier: Apache-2.0
// Usage: bad_calls CASE [PE [CODE]]. Does one thing that is wrong, or that a library easily gets wrong; what
// has to come of it stands in tests/multiproc/test_shmem_conformance.py.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int numbers[8];
static long psync[SHMEM_SYNC_SIZE];
static int counter = 5;
static char* large_target;

static int is(const char* text, const char* name) {
    return strcmp(text, name) == 0;
}

static void bad_places(const char* name) {
    int on_stack[8] = {0};
    if (is(name, "pe")) {
        shmem_int_p(numbers, 1, 99);
    } else if (is(name, "negative_pe")) {
        shmem_int_get(on_stack, numbers, 1, -1);
    } else if (is(name, "stack")) {
        shmem_int_put(on_stack, numbers, 8, 0);
    } else if (is(name, "beyond")) {
        char* block = shmem_malloc(64);
        shmem_putmem(block, numbers, (size_t)1 << 40, 0);
    } else if (is(name, "never_allocated") || is(name, "freed") || is(name, "two_blocks")) {
        char* block = shmem_malloc(64);
        char* next = shmem_malloc(64);
        if (is(name, "freed")) {
            shmem_free(block);
        }
        shmem_putmem(is(name, "never_allocated") ? next + (1 << 20) : block, numbers,
                     is(name, "two_blocks") ? (size_t)(next + 64 - block) : 8, 0);
    } else if (is(name, "stride")) {
        shmem_int_iput(numbers, on_stack, 0, 1, 2, 0);
    } else if (is(name, "misaligned")) {
        shmem_int_atomic_add((int*)((char*)numbers + 1), 1, 0);
    }
}

// To the last PE, which lives on another host than the first where there are several.
static void bad_places_far_away(const char* name) {
    const int last = shmem_n_pes() - 1;
    int on_stack[8] = {0};
    if (is(name, "far_stack")) {
        shmem_int_put(on_stack, numbers, 8, last);
    } else if (is(name, "far_freed")) {
        char* block = shmem_malloc(64);
        shmem_free(block);
        shmem_putmem(block, numbers, 8, last);
    } else if (is(name, "far_beyond")) {
        char* block = shmem_malloc(64);
        shmem_putmem(block, numbers, (size_t)1 << 40, last);
    } else if (is(name, "far_misaligned")) {
        shmem_int_atomic_add((int*)((char*)numbers + 1), 1, last);
    }
}

static void bad_memory(const char* name) {
    char* block = shmem_malloc(256);
    int local = 0;
    if (is(name, "free_twice")) {
        shmem_free(block);
        shmem_free(block);
    } else if (is(name, "free_middle")) {
        shmem_free(block + 64);
    } else if (is(name, "free_stack")) {
        shmem_free(&local);
    } else if (is(name, "alignment")) {
        shmem_align(24, 64);
    }
}

static void bad_collectives(const char* name) {
    static int all[64];
    const int me = shmem_my_pe();
    if (is(name, "too_many")) {
        shmem_longlong_fcollect(SHMEM_TEAM_WORLD, NULL, NULL, SIZE_MAX / 4);
    } else if (is(name, "too_many_to_put")) {
        static uint64_t word;
        shmem_put128_signal(all, all, SIZE_MAX / 8, &word, 1, SHMEM_SIGNAL_SET, 0);
    } else if (is(name, "root")) {
        shmem_int_broadcast(SHMEM_TEAM_WORLD, all, numbers, 1, 7);
    } else if (is(name, "sizes")) {
        shmem_int_fcollect(SHMEM_TEAM_WORLD, all, numbers, me == 0 ? 1 : 2);
    } else if (is(name, "order")) {
        if (me == 0) {
            shmem_int_fcollect(SHMEM_TEAM_WORLD, all, numbers, 2);
        } else {
            shmem_int_broadcast(SHMEM_TEAM_WORLD, all, numbers, 2, 0);
        }
    } else if (is(name, "destroyed_team")) {
        shmem_team_t team;
        shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 2, NULL, 0, &team);
        shmem_team_t stale = team;
        shmem_team_destroy(team);
        shmem_team_sync(stale);
    } else if (is(name, "active_set")) {
        shmem_barrier(0, 0, 9, psync);
    }
}

static void* quiet(void* ctx) {
    shmem_ctx_quiet(*(shmem_ctx_t*)ctx);
    return NULL;
}

// Two threads in calls with one context, sooner or later at once.
static void* put_much(void* ctx) {
    static char source[8 << 20];
    for (int i = 0; i < 100000; ++i) {
        shmem_ctx_putmem(*(shmem_ctx_t*)ctx, large_target, source, sizeof source, 1);
    }
    return NULL;
}

static void bad_contexts(const char* name) {
    shmem_ctx_t ctx;
    if (is(name, "destroyed_context")) {
        shmem_ctx_create(0, &ctx);
        shmem_ctx_destroy(ctx);
        shmem_ctx_quiet(ctx);
    } else if (is(name, "private_context")) {
        pthread_t thread;
        shmem_ctx_create(SHMEM_CTX_PRIVATE, &ctx);
        pthread_create(&thread, NULL, quiet, &ctx);
        pthread_join(thread, NULL);
    } else if (is(name, "serialized_context")) {
        pthread_t thread;
        large_target = (char*)shmem_malloc((size_t)8 << 20);
        shmem_ctx_create(SHMEM_CTX_SERIALIZED, &ctx);
        pthread_create(&thread, NULL, put_much, &ctx);
        put_much(&ctx);
        pthread_join(thread, NULL);
    }
}

static int exit_code = 42;

static void* end_all(void* unused) {
    (void)unused;
    shmem_global_exit(exit_code);
    return NULL;
}

// The others wait in a barrier that never comes about.
static void end_from(int pe, int in_thread) {
    if (shmem_my_pe() == pe) {
        pthread_t thread;
        if (in_thread) {
            pthread_create(&thread, NULL, end_all, NULL);
            pthread_join(thread, NULL);
        } else {
            end_all(NULL);
        }
    }
    shmem_barrier_all();
}

static void go_alone(const char* name, int pe) {
    shmem_barrier_all();
    if (shmem_my_pe() == pe) {
        if (is(name, "gone")) {
            _exit(0);
        } else if (is(name, "exits")) {
            exit(7);
        }
        raise(SIGKILL);
    }
    shmem_barrier_all();
}

// While all others put to it.
static void go_under_puts(const char* name, int pe) {
    static long words[1024];
    static long arrived;
    const int me = shmem_my_pe();
    shmem_barrier_all();
    if (me == pe) {
        shmem_long_wait_until(&arrived, SHMEM_CMP_GE, 100);
        if (is(name, "gone_under_puts")) {
            _exit(0);
        }
        raise(SIGKILL);
    }
    for (;;) {
        shmem_long_put(words, words, 1024, pe);
        shmem_long_atomic_inc(&arrived, pe);
    }
}

// What the child writes stays with the child, and what peers write later does not reach it.
static void fork_once(void) {
    shmem_barrier_all();
    const pid_t child = fork();
    if (child == 0) {
        const int was = counter;
        counter = 77;
        _exit(was == 5 && shmem_n_pes() == -1 ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %d", status);
    CHECK(counter == 5, "it is %d", counter);
    shmem_barrier_all();
    shmem_int_p(&counter, 6, right_of(shmem_my_pe()));
    shmem_barrier_all();
    CHECK(counter == 6, "it is %d", counter);
}

static void start_shells(int with_popen) {
    char line[16] = "";
    if (with_popen) {
        FILE* pipe = popen("echo hello", "r");
        CHECK(pipe != NULL && fgets(line, sizeof line, pipe) != NULL && is(line, "hello\n"), "it says '%s'",
              line);
        CHECK(pclose(pipe) == 0, "its end");
    } else {
        CHECK(system("true") == 0, "system");
    }
    shmem_int_p(&counter, 6, right_of(shmem_my_pe()));
    shmem_barrier_all();
    CHECK(counter == 6, "it is %d", counter);
}

int main(int count, char** arguments) {
    const char* name = count > 1 ? arguments[1] : "";
    const int pe = count > 2 ? atoi(arguments[2]) : 0;
    exit_code = count > 3 ? atoi(arguments[3]) : exit_code;
    int provided = 0;
    if (is(name, "before_init")) {
        shmem_barrier_all();
    } else if (is(name, "pe_before_init")) {
        printf("survived %d\n", shmem_my_pe());
    }
    shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided);
    if (is(name, "no_finalize")) {
        return 0;
    }
    bad_places(name);
    bad_places_far_away(name);
    bad_memory(name);
    bad_collectives(name);
    bad_contexts(name);
    if (is(name, "exit") || is(name, "exit_in_thread")) {
        end_from(pe, is(name, "exit_in_thread"));
    } else if (is(name, "gone") || is(name, "exits") || is(name, "killed")) {
        go_alone(name, pe);
    } else if (is(name, "gone_under_puts") || is(name, "killed_under_puts")) {
        go_under_puts(name, pe);
    } else if (is(name, "init_twice")) {
        shmem_init();
    } else if (is(name, "after_finalize")) {
        shmem_finalize();
        shmem_barrier_all();
    } else if (is(name, "pes_after_finalize")) {
        shmem_finalize();
        printf("survived %d\n", shmem_n_pes());
    } else if (is(name, "wait")) {  // for what never comes
        printf("PE %d\n", (int)getpid());
        fflush(stdout);
        shmem_int_wait_until(numbers, SHMEM_CMP_EQ, 1);
    } else if (is(name, "hello")) {
        done();
        return 0;
    } else if (is(name, "too_big")) {
        CHECK(shmem_malloc(99999999999) == NULL, "a block that is too big");
        done();
        return 0;
    } else if (is(name, "too_much")) {  // the heap has the room, the machine has not
        CHECK(shmem_malloc((size_t)1 << 40) == NULL, "a block of more memory than there is");
        char* block = shmem_malloc((size_t)3 << 20);
        CHECK(block != NULL, "a block after it");
        memset(block, 1, (size_t)3 << 20);
        done();
        return 0;
    } else if (is(name, "fork")) {
        fork_once();
        done();
        return 0;
    } else if (is(name, "popen") || is(name, "system")) {
        start_shells(is(name, "popen"));
        done();
        return 0;
    }
    printf("survived %s\n", name);
    return 0;
}
