/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rank puts 2 MiB into the pool, writes a greeting into the memory of the next rank, and reads the one
 * it got through an ordinary pointer.
 *
 *   build/release/bin/mf run -n 4 -- build/release/bin/bm_hello
 */
#include "example.h"

#define REGION ((uint64_t)2 << 20)

static bool greet(const struct example_world* world, smem_bm_t handle) {
    const uint32_t next = (world->rank + 1) % world->size;
    char* mailbox = (char*)smem_bm_ptr(handle, (uint16_t)next) + EXAMPLE_COUNTERS_SIZE;
    char text[64] = {0};
    snprintf(text, sizeof(text), "hello, rank %u, from rank %u", next, world->rank);

    if (!example_barrier(world, handle, 1)) { /* all have joined */
        return false;
    }
    if (example_copy(handle, text, mailbox, sizeof(text), SMEMB_COPY_H2G) != SM_OK) {
        return example_failed("smem_bm_copy");
    }
    return example_barrier(world, handle, 2); /* all have written */
}

static bool check(const struct example_world* world, smem_bm_t handle) {
    const uint32_t previous = (world->rank + world->size - 1) % world->size;
    const char* received = (const char*)smem_bm_ptr(handle, (uint16_t)world->rank) + EXAMPLE_COUNTERS_SIZE;
    char expected[64] = {0};
    snprintf(expected, sizeof(expected), "hello, rank %u, from rank %u", world->rank, previous);
    printf("rank %u of %u reads at %p: %s\n", world->rank, world->size, (const void*)received, received);
    return strcmp(received, expected) == 0;
}

int main(int argc, char** argv) {
    struct example_world world;
    if (!example_find_world(argc, argv, &world) || !example_init(&world)) {
        return 1;
    }
    smem_bm_t handle = smem_bm_create(0, world.size, SMEMB_DATA_OP_SDMA, REGION, 0, 0);
    if (handle == NULL) {
        example_failed("smem_bm_create");
        return 1;
    }
    void* region = NULL;
    if (smem_bm_join(handle, 0, &region) != SM_OK) {
        example_failed("smem_bm_join");
        return 1;
    }
    const bool right = greet(&world, handle) && check(&world, handle);
    const bool together = example_barrier(&world, handle, 3); /* all have read; leaving harms nobody */
    const bool left = example_finish(handle);
    return right && together && left ? 0 : 1;
}
