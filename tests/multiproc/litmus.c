/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Litmus tests of the memory model: what one process may see of the copies of another one. One program, run
 * as every rank of a world:
 *   memfabric_litmus URL RANK WORLD MILLISECONDS torn METHOD
 *   memfabric_litmus URL RANK WORLD MILLISECONDS message METHOD SIZE THREADS
 *   memfabric_litmus URL RANK WORLD MILLISECONDS exchange SIZE
 * METHOD is single, batch, rows or async. Every variation of a test (temperature, kind of flag) runs for
 * MILLISECONDS. Prints "rounds N" and returns 0, or says on standard error what must not be seen, and
 * returns 1. LITMUS_HOSTS has a letter a rank, the same for ranks of one host ("aab"); without it all are of
 * one. Ranks of other hosts are seen by copies where else by loads and stores.
 */
#define _GNU_SOURCE
#include "litmus.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

world_state g_world;

/* ---- waiting for the others ---- */

/* At the start of rank 0's region. */
typedef struct {
    uint64_t failed;             /* a rank has seen what it must not see: all end */
    uint64_t arrived[kWorldMax]; /* at how many barriers, by rank */
} control;

static control* shared(void) {
    return (control*)region(0);
}

/* Of a word of rank 0's region, which may go as soon as it has it. */
static void tell(uint64_t* word, uint64_t value) {
    smem_copy_params params = {&value, word, sizeof value};
    (void)smem_bm_copy(g_world.handle, &params, SMEMB_COPY_AUTO, 0);
}

void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "litmus: rank %u: ", g_world.rank);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    if (g_world.base != NULL) {
        tell(&shared()->failed, 1);
    }
    _Exit(1);
}

void pause_briefly(unsigned* spins) {
    if (++*spins % 64 != 0) {
        return;
    }
    if (load(&shared()->failed) != 0) {
        _Exit(2);
    }
    sched_yield();
}

static uint64_t g_arrivals; /* of this rank */

static void arrive(void) {
    store(&shared()->arrived[g_world.rank], ++g_arrivals);
}

static void await_arrivals(void) {
    unsigned spins = 0;
    for (uint32_t rank = 0; rank < g_world.size; ++rank) {
        while (load(&shared()->arrived[rank]) < g_arrivals) {
            pause_briefly(&spins);
        }
    }
}

void barrier(void) {
    arrive();
    await_arrivals();
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- the pool ---- */

uint8_t* region(uint32_t rank) {
    return g_world.base + (uint64_t)rank * kRegion;
}

bool is_near(const void* place) {
    const uint64_t rank = (uint64_t)((const uint8_t*)place - g_world.base) / kRegion;
    return rank >= g_world.size || g_world.hosts == NULL ||
           g_world.hosts[rank] == g_world.hosts[g_world.rank];
}

uint64_t load(const void* word) {
    return is_near(word) ? __atomic_load_n((const uint64_t*)word, __ATOMIC_ACQUIRE) : load_by_copy(word);
}

uint64_t load_by_copy(const void* word) {
    uint64_t value;
    copy_bytes(word, &value, sizeof value, 0);
    return value;
}

void store(void* word, uint64_t value) {
    if (is_near(word)) {
        __atomic_store_n((uint64_t*)word, value, __ATOMIC_RELEASE);
    } else {
        copy_bytes(&value, word, sizeof value, 0);
    }
}

void must(int32_t code, const char* what) {
    if (code != 0) {
        fail("%s gave %" PRId32 ": %s", what, code, smem_get_last_err_msg());
    }
}

void copy_bytes(const void* source, void* destination, size_t size, uint32_t flags) {
    smem_copy_params params = {source, destination, size};
    must(smem_bm_copy(g_world.handle, &params, SMEMB_COPY_AUTO, flags), "smem_bm_copy");
}

static void copy_batch(const uint8_t* source, uint8_t* destination, size_t size, uint32_t flags) {
    enum { kPieces = 16 };
    void* sources[kPieces];
    void* destinations[kPieces];
    uint64_t sizes[kPieces];
    const uint32_t count = size >= 8 * kPieces ? kPieces : 1;
    const size_t piece = size / count;
    for (uint32_t i = 0; i < count; ++i) {
        const size_t place = (count - 1 - i) * piece; /* the last first */
        sources[i] = (void*)(source + place);         /* it is only read */
        destinations[i] = destination + place;
        sizes[i] = piece;
    }
    smem_batch_copy_params params = {sources, destinations, sizes, count};
    must(smem_bm_copy_batch(g_world.handle, &params, SMEMB_COPY_AUTO, flags), "smem_bm_copy_batch");
}

/* Every other row-long place of the destination stays free. */
static void copy_rows(const uint8_t* source, uint8_t* destination, size_t size, uint32_t flags) {
    const size_t width = row_width(kRows, size);
    smem_copy_2d_params params = {source, width, destination, 2 * width, width, size / width};
    must(smem_bm_copy_2d(g_world.handle, &params, SMEMB_COPY_AUTO, flags), "smem_bm_copy_2d");
}

static void copy_async(const uint8_t* source, uint8_t* destination, size_t size, uint32_t flags) {
    const size_t part = size >= 4096 ? size / 4 : size;
    for (size_t done = 0; done < size; done += part) {
        copy_bytes(source + done, destination + done, part, flags | ASYNC_COPY_FLAG);
    }
    must(smem_bm_wait(g_world.handle), "smem_bm_wait");
}

void copy_by(copy_method method, const void* source, void* destination, size_t size, uint32_t flags) {
    switch (method) {
        case kBatch:
            copy_batch(source, destination, size, flags);
            break;
        case kRows:
            copy_rows(source, destination, size, flags);
            break;
        case kAsync:
            copy_async(source, destination, size, flags);
            break;
        default:
            copy_bytes(source, destination, size, flags);
    }
}

size_t row_width(copy_method method, size_t size) {
    return method == kRows && size >= 128 ? size / 16 : size;
}

/* ---- start and end ---- */

static void enter(const char* url) {
    smem_bm_config_t config;
    must(smem_bm_config_init(&config), "smem_bm_config_init");
    config.rankId = (uint16_t)g_world.rank;
    must(smem_bm_init(url, g_world.size, 0, &config), "smem_bm_init");
    g_world.handle = smem_bm_create(0, g_world.size, SMEMB_DATA_OP_SDMA, kRegion, 0, 0);
    if (g_world.handle == NULL) {
        fail("smem_bm_create: %s", smem_get_last_err_msg());
    }
    must(smem_bm_join(g_world.handle, 0, NULL), "smem_bm_join");
    uint8_t* const base = smem_bm_ptr(g_world.handle, 0);
    for (uint32_t rank = 0; rank < g_world.size; ++rank) {
        uint64_t word;
        smem_copy_params params = {base + (uint64_t)rank * kRegion, &word, sizeof word};
        while (smem_bm_copy(g_world.handle, &params, SMEMB_COPY_G2H, 0) != 0) {
            sched_yield(); /* it has not joined yet */
        }
    }
    g_world.base = base;
    barrier();
}

static void leave(void) {
    barrier(); /* all copies have returned */
    tell(&shared()->arrived[g_world.rank], ++g_arrivals);
    if (g_world.rank == 0) {
        await_arrivals(); /* in its memory the others arrive, so it is the last one to leave */
    }
    g_world.base = NULL;
    smem_bm_destroy(g_world.handle);
    smem_bm_uninit(0);
}

static const char* argument(char** arguments, int index) {
    if (arguments[index] == NULL) {
        fail("argument %d is missing", index);
    }
    return arguments[index];
}

static uint64_t number(const char* text) {
    char* end = NULL;
    errno = 0;
    const uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        fail("'%s' is no number", text);
    }
    return value;
}

static copy_method method_named(const char* name) {
    static const char* const kNames[] = {"single", "batch", "rows", "async"};
    for (int method = kSingle; method <= kAsync; ++method) {
        if (strcmp(name, kNames[method]) == 0) {
            return (copy_method)method;
        }
    }
    fail("'%s' is no method", name);
    return kSingle;
}

int main(int count, char** arguments) {
    /* A test that is killed takes its processes along. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count < 7) {
        fprintf(stderr, "usage: memfabric_litmus URL RANK WORLD MILLISECONDS TEST ARGUMENTS...\n");
        return 90;
    }
    g_world.rank = (uint32_t)number(arguments[2]);
    g_world.size = (uint32_t)number(arguments[3]);
    g_world.hosts = getenv("LITMUS_HOSTS");
    if (g_world.size > kWorldMax || (g_world.hosts != NULL && strlen(g_world.hosts) != g_world.size)) {
        fail("%u ranks are too many, or not those of LITMUS_HOSTS", g_world.size);
    }
    g_world.seconds = 1e-3 * (double)number(arguments[4]);
    const char* const test = arguments[5];
    enter(arguments[1]);
    uint64_t rounds = 0;
    if (strcmp(test, "torn") == 0) {
        rounds = run_torn(method_named(arguments[6]));
    } else if (strcmp(test, "message") == 0) {
        rounds = run_messages(method_named(arguments[6]), number(argument(arguments, 7)),
                              (uint32_t)number(argument(arguments, 8)));
    } else if (strcmp(test, "exchange") == 0) {
        rounds = run_exchange(number(arguments[6]));
    } else {
        fail("'%s' is no test", test);
    }
    leave();
    printf("rounds %" PRIu64 "\n", rounds);
    return 0;
}
