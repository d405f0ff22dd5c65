/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rank opens a transfer session and registers a mailbox in ordinary memory. The ranks tell each other
 * where their mailboxes are, over a channel of their own (here: an allgather of SHM). Then each writes a
 * greeting into the next rank's mailbox, in two pieces, which the next rank takes no part in.
 *
 *   build/release/bin/mf run -n 4 -- build/release/bin/trans_hello
 */
#include "example.h"
#include "smem_shm.h"
#include "smem_trans.h"

#define CHANNEL_SIZE ((uint64_t)2 << 20)
#define RANKS_MAX 1024
#define NAME_SIZE 24
#define MAILBOX_SIZE 128

struct place {
    uint64_t mailbox; /* address in its owner */
    char session[NAME_SIZE];
};

static char mailbox[MAILBOX_SIZE];
static struct place places[RANKS_MAX];

static bool tell_places(const struct example_world* world, smem_shm_t channel, const char* session) {
    struct place mine = {(uint64_t)(uintptr_t)mailbox, ""};
    snprintf(mine.session, sizeof(mine.session), "%s", session);
    return smem_shm_control_allgather(channel, (const char*)&mine, sizeof(mine), (char*)places,
                                      (uint32_t)(world->size * sizeof(mine))) == SM_OK ||
           example_failed("smem_shm_control_allgather");
}

/* Into the next rank's mailbox: first the second half, to show that pieces go anywhere, in one call. */
static bool greet(const struct example_world* world, smem_trans_t handle) {
    const struct place* next = &places[(world->rank + 1) % world->size];
    char text[MAILBOX_SIZE];
    const size_t size = (size_t)snprintf(text, sizeof(text), "a letter from rank %u", world->rank) + 1;
    const size_t half = size / 2;
    char* const target = (char*)(uintptr_t)next->mailbox;
    const void* sources[2] = {text + half, text};
    void* destinations[2] = {target + half, target};
    size_t sizes[2] = {size - half, half};
    return smem_trans_batch_write(handle, sources, next->session, destinations, sizes, 2) == SM_OK ||
           example_failed("smem_trans_batch_write");
}

static bool run(const struct example_world* world, smem_shm_t channel, smem_trans_t handle,
                const char* session) {
    if (smem_trans_register_mem(handle, mailbox, sizeof(mailbox), 0) != SM_OK) {
        return example_failed("smem_trans_register_mem");
    }
    bool right = tell_places(world, channel, session) && greet(world, handle);
    /* All have written, and a write that returned is in the mailbox. */
    right =
        (smem_shm_control_barrier(channel) == SM_OK || example_failed("smem_shm_control_barrier")) && right;
    if (right) {
        printf("rank %u of %u has %s\n", world->rank, world->size, mailbox);
    }
    return (smem_trans_deregister_mem(handle, mailbox) == SM_OK ||
            example_failed("smem_trans_deregister_mem")) &&
           right;
}

static smem_shm_t open_channel(const struct example_world* world) {
    smem_shm_config_t config;
    smem_shm_config_init(&config);
    config.startConfigStore = false; /* it runs apart, and so outlives every rank */
    if (smem_shm_init(world->url, world->size, world->rank, 0, &config) != SM_OK) {
        example_failed("smem_shm_init");
        return NULL;
    }
    void* base = NULL;
    const smem_shm_t channel =
        smem_shm_create(0, world->size, world->rank, CHANNEL_SIZE, SMEMS_DATA_OP_MTE, 0, &base);
    if (channel == NULL) {
        example_failed("smem_shm_create");
    }
    return channel;
}

int main(int argc, char** argv) {
    struct example_world world;
    if (!example_find_world(argc, argv, &world)) {
        return 1;
    }
    const smem_shm_t channel = open_channel(&world);
    if (channel == NULL) {
        return 1;
    }
    char session[NAME_SIZE]; /* a name that no other session has; nothing listens on that port */
    snprintf(session, sizeof(session), "127.0.0.1:%u", 20000 + world.rank);
    smem_trans_config_t config;
    smem_trans_config_init(&config);
    const smem_trans_t handle = smem_trans_create(world.url, session, &config);
    const bool right =
        handle != NULL ? run(&world, channel, handle, session) : example_failed("smem_trans_create");
    smem_trans_destroy(handle, 0);
    smem_shm_destroy(channel, 0);
    smem_shm_uninit(0);
    return right ? 0 : 1;
}
