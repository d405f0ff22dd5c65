/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of smem_bm.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "smem_bm.h"

enum { kBatchMax = 512 };

static smem_bm_config_t g_config;

static void config_init(actor_command* command) {
    if (actor_has_word(command) && actor_text(command) == NULL) {
        actor_answer_code(command, smem_bm_config_init(NULL));
        return;
    }
    memset(&g_config, 0xa5, sizeof g_config); /* every field is set by the call, or a test sees it */
    actor_answer_code(command, smem_bm_config_init(&g_config));
}

/* config NAME VALUE ...: changes fields of the configuration that bm_init uses. */
static void config(actor_command* command) {
    while (actor_has_word(command)) {
        const char* const name = actor_word(command);
        const uint64_t value = actor_number(command);
        if (strcmp(name, "initTimeout") == 0) {
            g_config.initTimeout = (uint32_t)value;
        } else if (strcmp(name, "createTimeout") == 0) {
            g_config.createTimeout = (uint32_t)value;
        } else if (strcmp(name, "controlOperationTimeout") == 0) {
            g_config.controlOperationTimeout = (uint32_t)value;
        } else if (strcmp(name, "startConfigStore") == 0) {
            g_config.startConfigStore = value != 0;
        } else if (strcmp(name, "startConfigStoreOnly") == 0) {
            g_config.startConfigStoreOnly = value != 0;
        } else if (strcmp(name, "dynamicWorldSize") == 0) {
            g_config.dynamicWorldSize = value != 0;
        } else if (strcmp(name, "unifiedAddressSpace") == 0) {
            g_config.unifiedAddressSpace = value != 0;
        } else if (strcmp(name, "autoRanking") == 0) {
            g_config.autoRanking = value != 0;
        } else if (strcmp(name, "rankId") == 0) {
            g_config.rankId = (uint16_t)value;
        } else if (strcmp(name, "flags") == 0) {
            g_config.flags = (uint32_t)value;
        } else {
            fprintf(stderr, "actor: the configuration has no field %s\n", name);
            exit(90);
        }
    }
    fprintf(command->answer, "ok %u %u %u %d %d %d %d %d %u %u\n", g_config.initTimeout,
            g_config.createTimeout, g_config.controlOperationTimeout, g_config.startConfigStore,
            g_config.startConfigStoreOnly, g_config.dynamicWorldSize, g_config.unifiedAddressSpace,
            g_config.autoRanking, g_config.rankId, g_config.flags);
}

/* bm_init URL WORLD DEVICE [NULL]: NULL passes no configuration. */
static void bm_init(actor_command* command) {
    const char* const url = actor_text(command);
    const uint32_t world = (uint32_t)actor_number(command);
    const uint16_t device = (uint16_t)actor_number(command);
    actor_answer_code(command, smem_bm_init(url, world, device, actor_has_word(command) ? NULL : &g_config));
}

static void bm_uninit(actor_command* command) {
    smem_bm_uninit((uint32_t)actor_number(command));
    fprintf(command->answer, "ok\n");
}

static void rank(actor_command* command) {
    fprintf(command->answer, "ok %" PRIu32 "\n", smem_bm_get_rank_id());
}

/* create ID MEMBERS OPERATION DRAM HBM FLAGS */
static void create(actor_command* command) {
    const uint32_t id = (uint32_t)actor_number(command);
    const uint32_t members = (uint32_t)actor_number(command);
    const uint32_t operation = (uint32_t)actor_number(command);
    const uint64_t dram = actor_number(command);
    const uint64_t hbm = actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    const smem_bm_t handle = smem_bm_create(id, members, (smem_bm_data_op_type)operation, dram, hbm, flags);
    actor_answer_value(command, (uint64_t)(uintptr_t)handle, handle == NULL);
}

static void destroy(actor_command* command) {
    smem_bm_destroy(actor_pointer(command));
    fprintf(command->answer, "ok\n");
}

/* create_destroy ID MEMBERS OPERATION DRAM HBM FLAGS: one after the other. */
static void create_destroy(actor_command* command) {
    const uint32_t id = (uint32_t)actor_number(command);
    const uint32_t members = (uint32_t)actor_number(command);
    const uint32_t operation = (uint32_t)actor_number(command);
    const uint64_t dram = actor_number(command);
    const uint64_t hbm = actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    const smem_bm_t handle = smem_bm_create(id, members, (smem_bm_data_op_type)operation, dram, hbm, flags);
    smem_bm_destroy(handle);
    actor_answer_value(command, (uint64_t)(uintptr_t)handle, handle == NULL);
}

/* join HANDLE FLAGS [NULL]: NULL passes no room for the address. */
static void join(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    void* address = NULL;
    const int32_t code = smem_bm_join(handle, flags, actor_has_word(command) ? NULL : &address);
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        fprintf(command->answer, "ok %" PRIu64 "\n", (uint64_t)(uintptr_t)address);
    }
}

static void leave(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    actor_answer_code(command, smem_bm_leave(handle, (uint32_t)actor_number(command)));
}

static void local_size(actor_command* command) {
    const uint64_t size = smem_bm_get_local_mem_size(actor_pointer(command));
    actor_answer_value(command, size, size == 0);
}

/* size_by_type HANDLE TYPE: 0 is a size that an object may have, so it is no failure here. */
static void local_size_by_type(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t type = (uint32_t)actor_number(command);
    fprintf(command->answer, "ok %" PRIu64 "\n",
            smem_bm_get_local_mem_size_by_mem_type(handle, (smem_bm_mem_type)type));
}

static void ptr(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const void* const address = smem_bm_ptr(handle, (uint16_t)actor_number(command));
    actor_answer_value(command, (uint64_t)(uintptr_t)address, address == NULL);
}

static void ptr_by_type(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const void* const address =
        smem_bm_ptr_by_mem_type(handle, (smem_bm_mem_type)type, (uint16_t)actor_number(command));
    actor_answer_value(command, (uint64_t)(uintptr_t)address, address == NULL);
}

static void rank_by_gva(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t found = smem_bm_get_rank_id_by_gva(handle, actor_pointer(command));
    actor_answer_value(command, found, found == UINT32_MAX);
}

/* copy HANDLE TYPE FLAGS DESTINATION SOURCE COUNT; without the last three the parameters are NULL. */
static void copy(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_copy_params params;
    if (!actor_has_word(command)) {
        actor_answer_code(command, smem_bm_copy(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    params.dest = actor_pointer(command);
    params.src = actor_pointer(command);
    params.count = actor_number(command);
    actor_answer_code(command, smem_bm_copy(handle, &params, (smem_bm_copy_type)type, flags));
}

/* copy_2d HANDLE TYPE FLAGS DESTINATION DPITCH SOURCE SPITCH WIDTH HEIGHT */
static void copy_2d(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_copy_2d_params params;
    if (!actor_has_word(command)) {
        actor_answer_code(command, smem_bm_copy_2d(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    params.dest = actor_pointer(command);
    params.dpitch = actor_number(command);
    params.src = actor_pointer(command);
    params.spitch = actor_number(command);
    params.width = actor_number(command);
    params.height = actor_number(command);
    actor_answer_code(command, smem_bm_copy_2d(handle, &params, (smem_bm_copy_type)type, flags));
}

/* batch HANDLE TYPE FLAGS COUNT|NULL|NULLlists [DESTINATION SOURCE SIZE]... */
static void batch(actor_command* command) {
    void* sources[kBatchMax];
    void* destinations[kBatchMax];
    uint64_t sizes[kBatchMax];
    const smem_bm_t handle = actor_pointer(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_batch_copy_params params = {sources, destinations, sizes, 0};
    if (strcmp(command->rest, "NULL") == 0) {
        actor_answer_code(command, smem_bm_copy_batch(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    if (strcmp(command->rest, "NULLlists") == 0) {
        const smem_batch_copy_params nothing = {NULL, NULL, NULL, 1};
        params = nothing;
        actor_answer_code(command, smem_bm_copy_batch(handle, &params, (smem_bm_copy_type)type, flags));
        return;
    }
    params.batchSize = (uint32_t)actor_number(command);
    for (uint32_t i = 0; i < params.batchSize && i < kBatchMax; ++i) {
        destinations[i] = actor_pointer(command);
        sources[i] = actor_pointer(command);
        sizes[i] = actor_number(command);
    }
    actor_answer_code(command, smem_bm_copy_batch(handle, &params, (smem_bm_copy_type)type, flags));
}

static void wait_for_copies(actor_command* command) {
    actor_answer_code(command, smem_bm_wait(actor_pointer(command)));
}

static void register_memory(actor_command* command) {
    const smem_bm_t handle = actor_pointer(command);
    const uint64_t address = actor_number(command);
    actor_answer_code(command, smem_bm_register_user_mem(handle, address, actor_number(command)));
}

static void unregister_memory(actor_command* command) {
    actor_answer_code(command, smem_bm_unregister_user_mem(actor_number(command)));
}

bool actor_bm_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"config_init", config_init},
        {"config", config},
        {"bm_init", bm_init},
        {"bm_uninit", bm_uninit},
        {"rank", rank},
        {"create", create},
        {"destroy", destroy},
        {"create_destroy", create_destroy},
        {"join", join},
        {"leave", leave},
        {"size", local_size},
        {"size_by_type", local_size_by_type},
        {"ptr", ptr},
        {"ptr_by_type", ptr_by_type},
        {"rank_by_gva", rank_by_gva},
        {"copy", copy},
        {"copy_2d", copy_2d},
        {"batch", batch},
        {"wait", wait_for_copies},
        {"register", register_memory},
        {"unregister", unregister_memory},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
