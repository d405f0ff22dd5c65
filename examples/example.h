/* SPDX-License-Identifier: Apache-2.0 */
/* What the C and C++ examples share: who am I, and how ranks wait for each other with nothing but copies. */
#ifndef MEMFABRIC_EXAMPLES_EXAMPLE_H
#define MEMFABRIC_EXAMPLES_EXAMPLE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* nanosleep, where the compiler is told to be strict */
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smem.h"
#include "smem_bm.h"

/* Offset in every region where peers leave their counters: one of 8 bytes for each of up to 1024 ranks. */
#define EXAMPLE_COUNTERS_SIZE ((size_t)8192)

struct example_world {
    uint32_t rank;
    uint32_t size;
    const char* url;
};

/* From RANK WORLD URL on the command line, else from the environment that `mf run` sets. */
static inline bool example_find_world(int argc, char** argv, struct example_world* world) {
    const bool arguments = argc == 4;
    const char* rank = arguments ? argv[1] : getenv("MF_RANK");
    const char* size = arguments ? argv[2] : getenv("MF_WORLD_SIZE");
    world->url = arguments ? argv[3] : getenv("MF_STORE_URL");
    if (rank == NULL || size == NULL || world->url == NULL) {
        fprintf(stderr, "usage: mf run -n WORLD -- %s\n", argv[0]);
        fprintf(stderr, "   or: %s RANK WORLD URL, once for each rank, beside: mf store URL\n", argv[0]);
        return false;
    }
    world->rank = (uint32_t)strtoul(rank, NULL, 10);
    world->size = (uint32_t)strtoul(size, NULL, 10);
    return true;
}

static inline bool example_failed(const char* what) {
    fprintf(stderr, "%s failed: %s\n", what, smem_get_last_err_msg());
    return false;
}

static inline bool example_init(const struct example_world* world) {
    smem_bm_config_t config;
    smem_bm_config_init(&config);
    config.rankId = (uint16_t)world->rank;
    config.startConfigStore = false; /* it runs apart, and so outlives every rank */
    return smem_bm_init(world->url, world->size, 0, &config) == SM_OK || example_failed("smem_bm_init");
}

static inline int32_t example_copy(smem_bm_t handle, const void* source, void* destination, size_t size,
                                   smem_bm_copy_type type) {
    smem_copy_params params;
    params.src = source;
    params.dest = destination;
    params.count = size;
    return smem_bm_copy(handle, &params, type, 0);
}

static inline uint64_t* example_counter(smem_bm_t handle, uint32_t owner, uint32_t writer) {
    return (uint64_t*)smem_bm_ptr(handle, (uint16_t)owner) + writer;
}

static inline void example_pause(void) {
    const struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
}

/*
 * Returns when every rank has called it with the same `step` (1, 2, 3, ...). Each rank writes the step into
 * its counter in every region, then waits until all counters in its own region have got there. Copies that
 * returned before are visible after it.
 */
static inline bool example_barrier(const struct example_world* world, smem_bm_t handle, uint64_t step) {
    const time_t deadline = time(NULL) + 60;
    for (uint32_t peer = 0; peer < world->size; ++peer) {
        int32_t result;
        /* A peer that has not joined yet counts as lost; it comes. */
        while ((result = example_copy(handle, &step, example_counter(handle, peer, world->rank), sizeof(step),
                                      SMEMB_COPY_H2G)) == SM_PEER_LOST &&
               time(NULL) < deadline) {
            example_pause();
        }
        if (result != SM_OK) {
            return example_failed("telling a peer");
        }
    }
    for (uint32_t peer = 0; peer < world->size; ++peer) {
        uint64_t seen = 0;
        while (seen < step) {
            if (example_copy(handle, example_counter(handle, world->rank, peer), &seen, sizeof(seen),
                             SMEMB_COPY_G2H) != SM_OK ||
                time(NULL) >= deadline) {
                fprintf(stderr, "rank %u waited in vain for rank %u: %s\n", world->rank, peer,
                        smem_get_last_err_msg());
                return false;
            }
            if (seen < step) {
                example_pause();
            }
        }
    }
    return true;
}

static inline bool example_finish(smem_bm_t handle) {
    const bool left = smem_bm_leave(handle, 0) == SM_OK || example_failed("smem_bm_leave");
    smem_bm_destroy(handle);
    smem_bm_uninit(0);
    return left;
}

#endif /* MEMFABRIC_EXAMPLES_EXAMPLE_H */
