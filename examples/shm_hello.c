/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rank writes a greeting into its own memory; after a barrier each reads that of the next rank through
 * an ordinary pointer, and an allgather tells all how long the greetings are.
 *
 *   build/release/bin/mf run -n 4 -- build/release/bin/shm_hello
 */
#include "example.h"
#include "smem_shm.h"

#define SIZE ((uint64_t)2 << 20)
#define RANKS_MAX 1024

static bool greet(const struct example_world* world, smem_shm_t handle, char* base) {
    const uint32_t next = (world->rank + 1) % world->size;
    static uint32_t lengths[RANKS_MAX];
    char* const mine = base + world->rank * SIZE;
    const int written = snprintf(mine, SIZE, "greetings from rank %u", world->rank);
    const uint32_t length = (uint32_t)written;

    if (smem_shm_control_allgather(handle, (const char*)&length, sizeof(length), (char*)lengths,
                                   (uint32_t)(world->size * sizeof(length))) != SM_OK) {
        return example_failed("smem_shm_control_allgather");
    }
    /* Who has got all lengths knows that all have written: the allgather is a barrier, too. */
    const char* const theirs = base + next * SIZE;
    printf("rank %u of %u reads at %p: %s\n", world->rank, world->size, (const void*)theirs, theirs);
    return strlen(theirs) == lengths[next];
}

int main(int argc, char** argv) {
    struct example_world world;
    if (!example_find_world(argc, argv, &world)) {
        return 1;
    }
    smem_shm_config_t config;
    smem_shm_config_init(&config);
    config.startConfigStore = false; /* it runs apart, and so outlives every rank */
    if (smem_shm_init(world.url, world.size, world.rank, 0, &config) != SM_OK) {
        example_failed("smem_shm_init");
        return 1;
    }
    void* base = NULL;
    const smem_shm_t handle = smem_shm_create(0, world.size, world.rank, SIZE, SMEMS_DATA_OP_MTE, 0, &base);
    if (handle == NULL) {
        example_failed("smem_shm_create");
        return 1;
    }
    bool right = greet(&world, handle, base);
    /* All have read: leaving harms nobody. */
    right =
        (smem_shm_control_barrier(handle) == SM_OK || example_failed("smem_shm_control_barrier")) && right;
    smem_shm_destroy(handle, 0);
    smem_shm_uninit(0);
    return right ? 0 : 1;
}
