/* SPDX-License-Identifier: Apache-2.0 */
/* What libmf_shmem uses of SHM objects beyond smem_shm.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "actor.h"
#include "capi/private_api.h"

static smem_shm_t handle_word(actor_command* command) {
    return (smem_shm_t)actor_pointer(command);
}

/* shm_create_part ID SIZE RANK BYTES COMMITTED: handle and address. */
static void create_part(actor_command* command) {
    const uint32_t id = (uint32_t)actor_number(command);
    const uint32_t size = (uint32_t)actor_number(command);
    const uint32_t rank = (uint32_t)actor_number(command);
    const uint64_t bytes = actor_number(command);
    void* gva = NULL;
    const smem_shm_t handle = mf_private_shm_create(id, size, rank, bytes, actor_number(command), &gva);
    if (handle == NULL) {
        actor_answer_error(command, 0);
    } else {
        fprintf(command->answer, "ok %" PRIuPTR " %" PRIuPTR "\n", (uintptr_t)handle, (uintptr_t)gva);
    }
}

/* shm_commit HANDLE OFFSET SIZE */
static void commit(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const uint64_t offset = actor_number(command);
    actor_answer_code(command, mf_private_shm_commit(handle, offset, actor_number(command)));
}

/* shm_discard HANDLE OFFSET SIZE */
static void discard(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const uint64_t offset = actor_number(command);
    actor_answer_code(command, mf_private_shm_discard(handle, offset, actor_number(command)));
}

/* shm_host HANDLE RANK */
static void host(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const int32_t host = mf_private_shm_host(handle, (uint32_t)actor_number(command));
    if (host < 0) {
        actor_answer_error(command, host);
    } else {
        actor_answer_value(command, (uint64_t)host, false);
    }
}

bool actor_private_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"shm_create_part", create_part},
        {"shm_commit", commit},
        {"shm_discard", discard},
        {"shm_host", host},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
