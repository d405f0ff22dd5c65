/* SPDX-License-Identifier: Apache-2.0 */
/* What PEs do while something goes wrong: `ROUNDS SEED` rounds of puts to random PEs, atomics, signals,
 * barriers and collectives, every byte checked. Before each step it prints "point PE PID NAME". Exit code 77
 * and a line on standard error: something that was done is not there; 76: there was no memory to begin. */
#include <inttypes.h>
#include <shmem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kPlace = 20000, kWords = 512, kMostPes = 16 };

static int g_me = -1;

static void point(const char* name) {
    char line[128];
    const int size = snprintf(line, sizeof line, "point %d %d %s\n", g_me, (int)getpid(), name);
    if (write(STDOUT_FILENO, line, (size_t)size) != size) {
        exit(78);
    }
}

static void check(int right, const char* what, int round) {
    if (!right) {
        fprintf(stderr, "WRONG at PE %d in round %d: %s\n", g_me, round, what);
        shmem_global_exit(77);
    }
}

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = (a + 1) * 0x9e3779b97f4a7c15u ^ (b + 1) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 31;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 29;
}

/* What the PE writes in a round, and to whom: everybody can work it out. */
static int target_of(uint64_t seed, int round, int pe, int pes) {
    return (int)(mix(seed + (uint64_t)round, (uint64_t)pe) % (uint64_t)pes);
}

static size_t size_of(uint64_t seed, int round, int pe) {
    return 1 + mix(seed + (uint64_t)round, (uint64_t)pe + 100) % kPlace;
}

static void fill(unsigned char* bytes, size_t size, uint64_t seed, int round, int pe) {
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = (unsigned char)mix(mix(seed, (uint64_t)round), (uint64_t)pe * kPlace + i);
    }
}

typedef struct {
    unsigned char* places; /* one a PE */
    uint64_t* signals;     /* one a PE */
    uint64_t* counter;
    long* words;
    long* sums;
    long* told; /* apart from sums: another PE may begin the broadcast while this one looks at its sums */
    unsigned char* buffer;
    unsigned char* wanted;
} memory;

static void check_places(const memory* m, uint64_t seed, int round, int pes) {
    for (int writer = 0; writer < pes; ++writer) {
        if (target_of(seed, round, writer, pes) == g_me) {
            const size_t size = size_of(seed, round, writer);
            fill(m->wanted, size, seed, round, writer);
            check(memcmp(m->places + (size_t)writer * kPlace, m->wanted, size) == 0,
                  "a put that was done is not there", round);
        }
    }
}

static void write_and_check(const memory* m, uint64_t seed, int round, int pes) {
    const int target = target_of(seed, round, g_me, pes);
    const size_t size = size_of(seed, round, g_me);
    fill(m->buffer, size, seed, round, g_me);
    point("put");
    shmem_putmem(m->places + (size_t)g_me * kPlace, m->buffer, size, target);
    point("atomic");
    shmem_uint64_atomic_add(m->counter, (uint64_t)g_me + 1, target);
    point("barrier");
    shmem_barrier_all();
    check_places(m, seed, round, pes);
    uint64_t sum = 0;
    for (int writer = 0; writer < pes; ++writer) {
        sum += target_of(seed, round, writer, pes) == g_me ? (uint64_t)writer + 1 : 0;
    }
    check(*m->counter == sum, "the atomics do not add up", round);
    *m->counter = 0;
}

static void signal_round(const memory* m, int round, int pes) {
    const int next = (g_me + 1) % pes;
    const int before = (g_me + pes - 1) % pes;
    memset(m->buffer, round & 0xff, 1000);
    point("signal");
    shmem_putmem_signal(m->places + (size_t)g_me * kPlace, m->buffer, 1000, &m->signals[g_me],
                        (uint64_t)round + 1, SHMEM_SIGNAL_SET, next);
    point("wait");
    shmem_uint64_wait_until(&m->signals[before], SHMEM_CMP_GE, (uint64_t)round + 1);
    check(m->places[(size_t)before * kPlace + 999] == (round & 0xff), "the signal came before the data",
          round);
}

static void collectives(const memory* m, int round, int pes) {
    for (int i = 0; i < kWords; ++i) {
        m->words[i] = (long)g_me * 1000 + round + i;
    }
    point("reduce");
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, m->sums, m->words, kWords);
    for (int i = 0; i < kWords; ++i) {
        check(m->sums[i] == 1000L * pes * (pes - 1) / 2 + (long)pes * (round + i), "a sum is wrong", round);
    }
    const int root = round % pes;
    point("broadcast");
    shmem_long_broadcast(SHMEM_TEAM_WORLD, m->told, m->words, kWords, root);
    for (int i = 0; i < kWords; ++i) {
        check(m->told[i] == (long)root * 1000 + round + i, "a broadcast is wrong", round);
    }
}

int main(int count, char** words) {
    if (count != 3) {
        return 78;
    }
    const int rounds = atoi(words[1]);
    const uint64_t seed = strtoull(words[2], NULL, 10);
    point("init");
    shmem_init();
    g_me = shmem_my_pe();
    const int pes = shmem_n_pes();
    point("allocate");
    memory m = {shmem_calloc(kMostPes, kPlace),
                shmem_calloc(kMostPes, 8),
                shmem_calloc(1, 8),
                shmem_calloc(kWords, sizeof(long)),
                shmem_calloc(kWords, sizeof(long)),
                shmem_calloc(kWords, sizeof(long)),
                malloc(kPlace),
                malloc(kPlace)};
    if (!m.places || !m.signals || !m.counter || !m.words || !m.sums || !m.told || !m.buffer || !m.wanted) {
        fprintf(stderr, "PE %d has no memory\n", g_me);
        shmem_global_exit(76);
    }
    for (int round = 0; round < rounds; ++round) {
        write_and_check(&m, seed, round, pes);
        shmem_barrier_all();
        signal_round(&m, round, pes);
        collectives(&m, round, pes);
    }
    point("free");
    shmem_free(m.places);
    free(m.buffer);
    free(m.wanted);
    point("finalize");
    shmem_finalize();
    return 0;
}
