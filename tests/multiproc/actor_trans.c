/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of smem_trans.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "actor.h"
#include "smem_trans.h"

enum { kPiecesMax = 4096 };

static smem_trans_t handle_word(actor_command* command) {
    return (smem_trans_t)actor_pointer(command);
}

/* trans_config: the defaults. With the word "null": of no configuration. */
static void config_init(actor_command* command) {
    if (actor_has_word(command)) {
        actor_answer_code(command, smem_trans_config_init(NULL));
        return;
    }
    smem_trans_config_t config;
    const int32_t code = smem_trans_config_init(&config);
    if (code != 0) {
        actor_answer_error(command, code);
        return;
    }
    fprintf(command->answer, "ok %d %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", (int)config.role,
            config.initTimeout, config.deviceId, config.flags);
}

static smem_trans_config_t config_of(actor_command* command) {
    smem_trans_config_t config;
    (void)smem_trans_config_init(&config);
    config.role = (smem_trans_role_t)actor_number(command);
    config.initTimeout = (uint32_t)actor_number(command);
    return config;
}

/* trans_init ROLE TIMEOUT */
static void init(actor_command* command) {
    const smem_trans_config_t config = config_of(command);
    actor_answer_code(command, smem_trans_init(&config));
}

/* trans_create URL SESSION [ROLE TIMEOUT] | trans_create URL SESSION NULL */
static void create(actor_command* command) {
    const char* const url = actor_text(command);
    const char* const session = actor_text(command);
    smem_trans_config_t config;
    const smem_trans_config_t* given = &config;
    if (!actor_has_word(command)) {
        (void)smem_trans_config_init(&config);
    } else if (*command->rest == 'N') {
        (void)actor_word(command);
        given = NULL;
    } else {
        config = config_of(command);
    }
    const smem_trans_t handle = smem_trans_create(url, session, given);
    actor_answer_value(command, (uint64_t)(uintptr_t)handle, handle == NULL);
}

static void destroy(actor_command* command) {
    smem_trans_destroy(handle_word(command), 0);
    fprintf(command->answer, "ok\n");
}

static void uninit(actor_command* command) {
    smem_trans_uninit(0);
    fprintf(command->answer, "ok\n");
}

static void trans_malloc(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    void* const memory = smem_trans_malloc(handle, actor_number(command), 0);
    actor_answer_value(command, (uint64_t)(uintptr_t)memory, memory == NULL);
}

static void trans_free(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    actor_answer_code(command, smem_trans_free(handle, actor_pointer(command)));
}

/* reg HANDLE ADDRESS SIZE */
static void reg(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    void* const address = actor_pointer(command);
    actor_answer_code(command, smem_trans_register_mem(handle, address, actor_number(command), 0));
}

/* batch_reg HANDLE {ADDRESS SIZE}... */
static void batch_reg(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    static __thread void* addresses[kPiecesMax];
    static __thread size_t sizes[kPiecesMax];
    uint32_t count = 0;
    while (actor_has_word(command) && count < kPiecesMax) {
        addresses[count] = actor_pointer(command);
        sizes[count++] = actor_number(command);
    }
    actor_answer_code(command, smem_trans_batch_register_mem(handle, addresses, sizes, count, 0));
}

/* many_reg HANDLE ADDRESS SIZE STRIDE COUNT: single registrations; dereg_many undoes them. */
static void many_reg(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    uint8_t* const address = actor_pointer(command);
    const size_t size = actor_number(command);
    const size_t stride = actor_number(command);
    const uint64_t count = actor_number(command);
    int32_t code = 0;
    for (uint64_t i = 0; i < count && code == 0; ++i) {
        code = smem_trans_register_mem(handle, address + i * stride, size, 0);
    }
    actor_answer_code(command, code);
}

static void many_dereg(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    uint8_t* const address = actor_pointer(command);
    const size_t stride = actor_number(command);
    const uint64_t count = actor_number(command);
    int32_t code = 0;
    for (uint64_t i = 0; i < count && code == 0; ++i) {
        code = smem_trans_deregister_mem(handle, address + i * stride);
    }
    actor_answer_code(command, code);
}

static void dereg(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    actor_answer_code(command, smem_trans_deregister_mem(handle, actor_pointer(command)));
}

/* write or read HANDLE SESSION LOCAL REMOTE SIZE [submit] */
static void transfer(actor_command* command, bool is_write) {
    const smem_trans_t handle = handle_word(command);
    const char* const session = actor_text(command);
    void* const local = actor_pointer(command);
    void* const remote = actor_pointer(command);
    const size_t size = actor_number(command);
    const bool submit = actor_has_word(command);
    if (submit) {
        (void)actor_word(command);
        actor_answer_code(command,
                          is_write ? smem_trans_write_submit(handle, local, session, remote, size, NULL, 0)
                                   : smem_trans_read_submit(handle, local, session, remote, size, NULL, 0));
        return;
    }
    actor_answer_code(command, is_write ? smem_trans_write(handle, local, session, remote, size)
                                        : smem_trans_read(handle, local, session, remote, size));
}

static void write_one(actor_command* command) {
    transfer(command, true);
}

static void read_one(actor_command* command) {
    transfer(command, false);
}

/* batch_write or batch_read HANDLE SESSION {0|1 submit} {LOCAL REMOTE SIZE}... */
static void batch(actor_command* command, bool is_write) {
    static __thread void* locals[kPiecesMax];
    static __thread void* remotes[kPiecesMax];
    static __thread size_t sizes[kPiecesMax];
    const smem_trans_t handle = handle_word(command);
    const char* const session = actor_text(command);
    const bool submit = actor_number(command) != 0;
    uint32_t count = 0;
    while (actor_has_word(command) && count < kPiecesMax) {
        locals[count] = actor_pointer(command);
        remotes[count] = actor_pointer(command);
        sizes[count++] = actor_number(command);
    }
    const void** const const_locals = (const void**)locals;
    const void** const const_remotes = (const void**)remotes;
    if (is_write && submit) {
        actor_answer_code(command, smem_trans_batch_write_submit(handle, const_locals, session, remotes,
                                                                 sizes, count, NULL, 0));
    } else if (is_write) {
        actor_answer_code(command,
                          smem_trans_batch_write(handle, const_locals, session, remotes, sizes, count));
    } else if (submit) {
        actor_answer_code(command, smem_trans_batch_read_submit(handle, locals, session, const_remotes, sizes,
                                                                count, NULL, 0));
    } else {
        actor_answer_code(command,
                          smem_trans_batch_read(handle, locals, session, const_remotes, sizes, count));
    }
}

static void batch_write(actor_command* command) {
    batch(command, true);
}

static void batch_read(actor_command* command) {
    batch(command, false);
}

/* null_batch HANDLE SESSION, null_regs HANDLE: batches whose arrays are null. */
static void null_batch(actor_command* command) {
    const smem_trans_t handle = handle_word(command);
    actor_answer_code(command, smem_trans_batch_write(handle, NULL, actor_text(command), NULL, NULL, 1));
}

static void null_regs(actor_command* command) {
    actor_answer_code(command, smem_trans_batch_register_mem(handle_word(command), NULL, NULL, 1, 0));
}

static void wait_submitted(actor_command* command) {
    actor_answer_code(command, smem_trans_wait(handle_word(command), NULL));
}

bool actor_trans_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"trans_config", config_init},  {"trans_init", init},
        {"trans_create", create},       {"trans_destroy", destroy},
        {"trans_uninit", uninit},       {"trans_malloc", trans_malloc},
        {"trans_free", trans_free},     {"reg", reg},
        {"batch_reg", batch_reg},       {"many_reg", many_reg},
        {"many_dereg", many_dereg},     {"dereg", dereg},
        {"write", write_one},           {"read", read_one},
        {"batch_write", batch_write},   {"batch_read", batch_read},
        {"null_batch", null_batch},     {"null_regs", null_regs},
        {"trans_wait", wait_submitted},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
