/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMFABRIC_TESTS_LITMUS_H
#define MEMFABRIC_TESTS_LITMUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smem.h"
#include "smem_bm.h"

typedef enum { kSingle, kBatch, kRows, kAsync } copy_method;

enum {
    kWorldMax = 64,
    kChannels = 4,           /* of one region, each with one writing thread */
    kChannelSize = 4 << 20,  /* bytes */
    kDataMax = 1 << 20,      /* bytes of one message; as rows it takes twice that */
    kFirstChannel = 2 << 20, /* before it: what ranks need to start and end together */
    kRegion = kFirstChannel + kChannels * kChannelSize,
    kDataPlace = 4096 + 24 /* of a channel's data, in the middle of a line: copies have heads and tails */
};

typedef struct {
    uint32_t rank;
    uint32_t size;
    double seconds;    /* of one variation of a test */
    const char* hosts; /* a letter a rank; NULL: all on one */
    smem_bm_t handle;
    uint8_t* base; /* NULL until all have joined */
} world_state;

extern world_state g_world;

/* Says why and ends all ranks. */
__attribute__((format(printf, 1, 2))) void fail(const char* format, ...);
/* Fails unless the code is 0. */
void must(int32_t code, const char* what);
/* In a loop that waits for another rank: lets others run, ends with them. */
void pause_briefly(unsigned* spins);
/* Returns when all ranks have called it. */
void barrier(void);
double now(void); /* seconds */

uint8_t* region(uint32_t rank);
bool is_near(const void* place); /* of a rank on this host, or private: pointers reach it */
/* A word, acquired and released; by a copy where pointers do not reach it. */
uint64_t load(const void* word);
uint64_t load_by_copy(const void* word);
void store(void* word, uint64_t value);
void copy_bytes(const void* source, void* destination, size_t size, uint32_t flags);
void copy_by(copy_method method, const void* source, void* destination, size_t size, uint32_t flags);
/* By rows, the destination is rows of so many bytes, each followed by as many that are left free. */
size_t row_width(copy_method method, size_t size);

/* The tests; each returns how many rounds this rank has made. */
uint64_t run_torn(copy_method method);
uint64_t run_messages(copy_method method, size_t size, uint32_t threads);
uint64_t run_exchange(size_t size);

#endif /* MEMFABRIC_TESTS_LITMUS_H */
