/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of smem_shm.h. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor.h"
#include "smem_shm.h"

static smem_shm_config_t g_config;

static smem_shm_t handle_word(actor_command* command) {
    return (smem_shm_t)actor_pointer(command);
}

static void config_init(actor_command* command) {
    actor_answer_code(command, smem_shm_config_init(&g_config));
}

static void config_init_null(actor_command* command) {
    actor_answer_code(command, smem_shm_config_init(NULL));
}

/* shm_config: what the defaults are. */
static void config_show(actor_command* command) {
    fprintf(command->answer, "ok %" PRIu32 " %" PRIu32 " %" PRIu32 " %d %" PRIu32 "\n",
            g_config.shmInitTimeout, g_config.shmCreateTimeout, g_config.controlOperationTimeout,
            g_config.startConfigStore, g_config.flags);
}

/* shm_timeouts INIT CREATE CONTROL */
static void timeouts(actor_command* command) {
    g_config.shmInitTimeout = (uint32_t)actor_number(command);
    g_config.shmCreateTimeout = (uint32_t)actor_number(command);
    g_config.controlOperationTimeout = (uint32_t)actor_number(command);
    fprintf(command->answer, "ok\n");
}

static void start_store(actor_command* command) {
    g_config.startConfigStore = actor_number(command) != 0;
    fprintf(command->answer, "ok\n");
}

/* shm_init URL WORLD RANK DEVICE [noconfig] */
static void init(actor_command* command) {
    const char* const url = actor_text(command);
    const uint32_t world = (uint32_t)actor_number(command);
    const uint32_t rank = (uint32_t)actor_number(command);
    const uint16_t device = (uint16_t)actor_number(command);
    actor_answer_code(command,
                      smem_shm_init(url, world, rank, device, actor_has_word(command) ? NULL : &g_config));
}

static void uninit(actor_command* command) {
    smem_shm_uninit((uint32_t)actor_number(command));
    fprintf(command->answer, "ok\n");
}

static void query(actor_command* command) {
    fprintf(command->answer, "ok %" PRIu32 "\n", smem_shm_query_support_data_operation());
}

/* shm_create ID SIZE RANK BYTES TYPE FLAGS [nogva]: handle and address. */
static void create(actor_command* command) {
    const uint32_t id = (uint32_t)actor_number(command);
    const uint32_t size = (uint32_t)actor_number(command);
    const uint32_t rank = (uint32_t)actor_number(command);
    const uint64_t bytes = actor_number(command);
    const smem_shm_data_op_type type = (smem_shm_data_op_type)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    void* gva = NULL;
    const smem_shm_t handle =
        smem_shm_create(id, size, rank, bytes, type, flags, actor_has_word(command) ? NULL : &gva);
    if (handle == NULL) {
        actor_answer_error(command, 0);
    } else {
        fprintf(command->answer, "ok %" PRIuPTR " %" PRIuPTR "\n", (uintptr_t)handle, (uintptr_t)gva);
    }
}

static void destroy(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    actor_answer_code(command, smem_shm_destroy(handle, (uint32_t)actor_number(command)));
}

/* shm_set_context HANDLE SIZE FIRST: bytes FIRST, FIRST + 1, ...; SIZE -1 gives a null pointer. */
static void set_context(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const uint64_t size = actor_number(command);
    const uint8_t first = (uint8_t)actor_number(command);
    if (size == UINT64_MAX) {
        actor_answer_code(command, smem_shm_set_extra_context(handle, NULL, 1));
        return;
    }
    uint8_t* const bytes = malloc(size + 1);
    for (uint64_t i = 0; i < size; ++i) {
        bytes[i] = (uint8_t)(first + i);
    }
    actor_answer_code(command, smem_shm_set_extra_context(handle, bytes, (uint32_t)size));
    free(bytes);
}

/* shm_get_context HANDLE ROOM: the size, and the first byte (-1: none). */
static void get_context(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    uint32_t size = (uint32_t)actor_number(command);
    uint8_t* const bytes = malloc(size + 1);
    const int32_t code = smem_shm_get_extra_context(handle, bytes, &size);
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        bool ascending = true;
        for (uint32_t i = 1; i < size; ++i) {
            ascending = ascending && bytes[i] == (uint8_t)(bytes[0] + i);
        }
        fprintf(command->answer, "ok %" PRIu32 " %d %d\n", size, size == 0 ? -1 : bytes[0], ascending);
    }
    free(bytes);
}

/* shm_context_size HANDLE: by the form without a buffer. */
static void context_size(actor_command* command) {
    uint32_t size = 0;
    const int32_t code = smem_shm_get_extra_context(handle_word(command), NULL, &size);
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        fprintf(command->answer, "ok %" PRIu32 "\n", size);
    }
}

static void rank_of(actor_command* command) {
    const uint32_t rank = smem_shm_get_global_rank(handle_word(command));
    actor_answer_value(command, rank, rank == UINT32_MAX);
}

static void rank_size(actor_command* command) {
    const uint32_t size = smem_shm_get_global_rank_size(handle_word(command));
    actor_answer_value(command, size, size == UINT32_MAX);
}

static void barrier(actor_command* command) {
    actor_answer_code(command, smem_shm_control_barrier(handle_word(command)));
}

/* shm_allgather HANDLE SENDSIZE RECVSIZE FIRST: sends bytes FIRST, FIRST + 1, ...; answers with the first
 * byte of every SENDSIZE, and fails where the others do not follow. A SENDSIZE of -1: the buffer is null. */
static void allgather(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const uint64_t send_size = actor_number(command);
    const uint64_t receive_size = actor_number(command);
    const uint8_t first = (uint8_t)actor_number(command);
    if (send_size == UINT64_MAX) {
        char byte = 0;
        actor_answer_code(command, smem_shm_control_allgather(handle, NULL, 1, &byte, 1));
        return;
    }
    char* const send = malloc(send_size + 1);
    uint8_t* const receive = malloc(receive_size + 1);
    for (uint64_t i = 0; i < send_size; ++i) {
        send[i] = (char)(first + i);
    }
    const int32_t code =
        smem_shm_control_allgather(handle, send, (uint32_t)send_size, (char*)receive, (uint32_t)receive_size);
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        fprintf(command->answer, "ok");
        for (uint64_t part = 0; part < receive_size; part += send_size) {
            bool ascending = true;
            for (uint64_t i = 1; i < send_size; ++i) {
                ascending = ascending && receive[part + i] == (uint8_t)(receive[part] + i);
            }
            fprintf(command->answer, " %d", ascending ? receive[part] : -1);
        }
        fprintf(command->answer, "\n");
    }
    free(send);
    free(receive);
}

/* shm_reach HANDLE RANK [null] */
static void reach(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const uint32_t rank = (uint32_t)actor_number(command);
    uint32_t mask = UINT32_MAX;
    const int32_t code = smem_shm_topology_can_reach(handle, rank, actor_has_word(command) ? NULL : &mask);
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        fprintf(command->answer, "ok %" PRIu32 "\n", mask);
    }
}

static void put(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    void* const destination = actor_pointer(command);
    const void* const source = actor_pointer(command);
    actor_answer_code(command, smem_shm_put(handle, destination, source, (size_t)actor_number(command)));
}

static void get(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    void* const destination = actor_pointer(command);
    const void* const source = actor_pointer(command);
    actor_answer_code(command, smem_shm_get(handle, destination, source, (size_t)actor_number(command)));
}

static pthread_mutex_t g_exit_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_exit_changed = PTHREAD_COND_INITIALIZER;
static pthread_t g_registering_thread;
static int g_exit_calls;
static int g_exit_status;
static bool g_exit_on_own_thread;

static void note_exit(int status) {
    pthread_mutex_lock(&g_exit_mutex);
    ++g_exit_calls;
    g_exit_status = status;
    g_exit_on_own_thread = pthread_equal(pthread_self(), g_registering_thread) == 0;
    pthread_cond_broadcast(&g_exit_changed);
    pthread_mutex_unlock(&g_exit_mutex);
}

static void end_process(int status) {
    exit(status);
}

static void block_forever(int status) {
    note_exit(status);
    for (;;) {
        pause();
    }
}

/* shm_register_exit HANDLE note|exit|block|NULL: what the function does. */
static void register_exit(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    const char* const kind = actor_text(command);
    g_registering_thread = pthread_self();
    void (*function)(int) = note_exit;
    if (kind == NULL) {
        function = NULL;
    } else if (strcmp(kind, "exit") == 0) {
        function = end_process;
    } else if (strcmp(kind, "block") == 0) {
        function = block_forever;
    }
    actor_answer_code(command, smem_shm_register_exit(handle, function));
}

/* shm_exit_calls COUNT: waits until the function was called that often; the calls, the last status, and
 * whether it ran on another thread. */
static void exit_calls(actor_command* command) {
    const int wanted = (int)actor_number(command);
    pthread_mutex_lock(&g_exit_mutex);
    while (g_exit_calls < wanted) {
        pthread_cond_wait(&g_exit_changed, &g_exit_mutex);
    }
    fprintf(command->answer, "ok %d %d %d\n", g_exit_calls, g_exit_status, g_exit_on_own_thread);
    pthread_mutex_unlock(&g_exit_mutex);
}

/* shm_global_exit HANDLE STATUS: "err 0" where it left a text. */
static void global_exit(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    smem_shm_global_exit(handle, (int)actor_number(command));
    actor_answer_value(command, 0, smem_get_last_err_msg()[0] != '\0');
}

typedef struct {
    smem_shm_t handle;
    uint64_t rounds;
    uint8_t first;
    bool fine;
} rounds_job;

static void* rounds_main(void* argument) {
    rounds_job* const job = argument;
    const uint32_t rank = smem_shm_get_global_rank(job->handle);
    const uint32_t size = smem_shm_get_global_rank_size(job->handle);
    uint32_t* const received = calloc(size, sizeof *received);
    job->fine = true;
    for (uint64_t round = 0; round < job->rounds && job->fine; ++round) {
        const uint32_t mine = (uint32_t)(round << 16) + (uint32_t)(job->first << 8) + rank;
        job->fine = smem_shm_control_barrier(job->handle) == 0 &&
                    smem_shm_control_allgather(job->handle, (const char*)&mine, sizeof mine, (char*)received,
                                               (uint32_t)(size * sizeof mine)) == 0;
        for (uint32_t other = 0; other < size && job->fine; ++other) {
            job->fine = received[other] == mine - rank + other;
        }
    }
    free(received);
    return NULL;
}

/* shm_rounds ROUNDS HANDLE...: a thread for each object runs barriers and allgathers. */
static void rounds(actor_command* command) {
    enum { kMax = 8 };
    const uint64_t count = actor_number(command);
    rounds_job jobs[kMax];
    pthread_t threads[kMax];
    size_t started = 0;
    for (; started < kMax && actor_has_word(command); ++started) {
        jobs[started] = (rounds_job){handle_word(command), count, (uint8_t)started, false};
        pthread_create(&threads[started], NULL, rounds_main, &jobs[started]);
    }
    bool fine = true;
    for (size_t i = 0; i < started; ++i) {
        pthread_join(threads[i], NULL);
        fine = fine && jobs[i].fine;
    }
    actor_answer_value(command, started, !fine);
}

bool actor_shm_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"shm_config_init", config_init},
        {"shm_config_init_null", config_init_null},
        {"shm_config", config_show},
        {"shm_timeouts", timeouts},
        {"shm_start_store", start_store},
        {"shm_init", init},
        {"shm_uninit", uninit},
        {"shm_query", query},
        {"shm_create", create},
        {"shm_destroy", destroy},
        {"shm_set_context", set_context},
        {"shm_get_context", get_context},
        {"shm_context_size", context_size},
        {"shm_rank", rank_of},
        {"shm_rank_size", rank_size},
        {"shm_barrier", barrier},
        {"shm_allgather", allgather},
        {"shm_reach", reach},
        {"shm_put", put},
        {"shm_get", get},
        {"shm_register_exit", register_exit},
        {"shm_exit_calls", exit_calls},
        {"shm_global_exit", global_exit},
        {"shm_rounds", rounds},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
