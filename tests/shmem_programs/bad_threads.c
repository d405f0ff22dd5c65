// SPDX-License-Identifier: Apache-2.0
// Usage: bad_threads LEVEL CASE. A second thread calls; LEVEL is what the program asked for.
#include <pthread.h>

#include "check.h"

static int numbers[64];
static long lock;
static char* large;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static int is(const char* text, const char* name) {
    return strcmp(text, name) == 0;
}

static void* put_one(void* unused) {
    shmem_int_p(numbers, 1, 0);
    return unused;
}

static void* put_to_heap(void* unused) {
    shmem_putmem(large, numbers, 8, 0);
    return unused;
}

static void* add_one(void* unused) {
    shmem_int_atomic_add(numbers, 1, 0);
    return unused;
}

static void* ask(void* unused) {
    numbers[1] = shmem_my_pe();
    return unused;
}

static void* fence(void* unused) {
    shmem_fence();
    return unused;
}

static void* end_all(void* unused) {
    shmem_global_exit(42);
    return unused;
}

static void* end_program(void* unused) {
    exit(0);
    return unused;
}

// What is called while the main thread waits; it meets it there sooner or later.
static void* put_for_ever(void* unused) {
    for (;;) {
        shmem_int_p(numbers + 1, 1, 0);
    }
    return unused;
}

static void* put_much(void* unused) {
    static char source[1 << 20];
    for (;;) {
        shmem_putmem(large, source, sizeof source, 0);
    }
    return unused;
}

static void* in_turns(void* unused) {
    for (int i = 0; i < 1000; ++i) {
        pthread_mutex_lock(&turn);
        shmem_putmem(large, numbers, 8, 0);
        shmem_set_lock(&lock);
        shmem_clear_lock(&lock);
        shmem_int_atomic_inc(numbers + 2, shmem_my_pe());
        pthread_mutex_unlock(&turn);
    }
    return unused;
}

int main(int count, char** arguments) {
    static const struct {
        const char* name;
        void* (*function)(void*);
    } kCases[] = {{"p", put_one},        {"putmem", put_to_heap}, {"atomic", add_one},
                  {"my_pe", ask},        {"fence", fence},        {"global_exit", end_all},
                  {"exit", end_program}, {"wait", put_for_ever},  {"two_puts", put_much},
                  {"turns", in_turns}};
    int provided = -1;
    pthread_t thread;
    const char* name = count == 3 ? arguments[2] : "";
    shmem_init_thread(count == 3 ? atoi(arguments[1]) : 0, &provided);
    CHECK(provided == atoi(arguments[1]), "level %d", provided);
    large = (char*)shmem_malloc(1 << 20);
    for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; ++i) {
        if (is(name, kCases[i].name)) {
            pthread_create(&thread, NULL, kCases[i].function, NULL);
        }
    }
    if (is(name, "wait")) {
        shmem_int_wait_until(numbers, SHMEM_CMP_EQ, 1);
    } else if (is(name, "two_puts")) {
        put_much(NULL);
    } else if (is(name, "turns")) {
        in_turns(NULL);
    }
    pthread_join(thread, NULL);
    CHECK(!is(name, "turns") || numbers[2] == 2000, "%d", numbers[2]);
    printf("survived\n");
    shmem_finalize();
    return 0;
}
