/* SPDX-License-Identifier: Apache-2.0 */
/* What libmf_shmem uses of SHM objects beyond smem_shm.h, and counters. */
/* What libmf_shmem uses of SHM objects beyond smem_shm.h, and what tests ask the library itself. */
#include <inttypes.h>
#include <pthread.h>
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

typedef int32_t (*begin_function)(smem_shm_t handle, void* dest, const void* src, size_t size);

/* shm_put_nbi HANDLE DEST SOURCE SIZE [TIMES]: that many in a row, each SIZE bytes further. */
static void begin(actor_command* command, begin_function function) {
    const smem_shm_t handle = handle_word(command);
    char* const dest = actor_pointer(command);
    const char* const source = actor_pointer(command);
    const size_t size = actor_number(command);
    const uint64_t times = actor_has_word(command) ? actor_number(command) : 1;
    int32_t code = 0;
    for (uint64_t i = 0; i < times && code == 0; ++i) {
        code = function(handle, dest + i * size, source + i * size, size);
    }
    actor_answer_code(command, code);
}

static void put_nbi(actor_command* command) {
    begin(command, mf_private_shm_put_nbi);
}

static void get_nbi(actor_command* command) {
    begin(command, mf_private_shm_get_nbi);
}

static void quiet(actor_command* command) {
    actor_answer_code(command, mf_private_shm_quiet(handle_word(command)));
}

/* shm_atomic HANDLE PLACE SIZE KIND OPERAND COMPARAND [TIMES]: what was there before the last. */
static void atomic(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    void* const place = actor_pointer(command);
    const uint32_t size = (uint32_t)actor_number(command);
    const uint32_t kind = (uint32_t)actor_number(command);
    const uint64_t operand = actor_number(command);
    const uint64_t comparand = actor_number(command);
    const uint64_t times = actor_has_word(command) ? actor_number(command) : 1;
    uint64_t old = 0;
    int32_t code = 0;
    for (uint64_t i = 0; i < times && code == 0; ++i) {
        code = mf_private_shm_atomic(handle, place, size, kind, operand, comparand, &old);
    }
    if (code != 0) {
        actor_answer_error(command, code);
    } else {
        actor_answer_value(command, old, false);
    }
}

/* add PLACE TIMES: adds 1 that often by the CPU's own atomics. */
static void add(actor_command* command) {
    uint64_t* const place = actor_pointer(command);
    for (uint64_t times = actor_number(command); times > 0; --times) {
        __atomic_fetch_add(place, 1, __ATOMIC_RELAXED);
    }
    actor_answer_code(command, 0);
}

typedef int32_t (*rows_function)(smem_shm_t handle, void* dest, size_t dest_pitch, const void* src,
                                 size_t src_pitch, size_t width, size_t height);

/* shm_put_rows HANDLE DEST PITCH SOURCE PITCH WIDTH HEIGHT */
static void rows(actor_command* command, rows_function function) {
    const smem_shm_t handle = handle_word(command);
    void* const dest = actor_pointer(command);
    const size_t dest_pitch = actor_number(command);
    const void* const source = actor_pointer(command);
    const size_t source_pitch = actor_number(command);
    const size_t width = actor_number(command);
    actor_answer_code(command,
                      function(handle, dest, dest_pitch, source, source_pitch, width, actor_number(command)));
}

static void put_rows(actor_command* command) {
    rows(command, mf_private_shm_put_rows);
}

static void get_rows(actor_command* command) {
    rows(command, mf_private_shm_get_rows);
}

static pthread_mutex_t g_activity_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_activity_changed = PTHREAD_COND_INITIALIZER;

static void note_activity(void* context) {
    (void)context;
    pthread_mutex_lock(&g_activity_mutex);
    pthread_cond_broadcast(&g_activity_changed);
    pthread_mutex_unlock(&g_activity_mutex);
}

/* shm_listen HANDLE 0/1 */
static void listen_to_activity(actor_command* command) {
    const smem_shm_t handle = handle_word(command);
    actor_answer_code(
        command, mf_private_shm_on_activity(handle, actor_number(command) != 0 ? note_activity : NULL, NULL));
}

/* shm_sleep_until PLACE VALUE: looks at the word of 8 bytes after activity only. */
static void sleep_until(actor_command* command) {
    const uint64_t* const place = actor_pointer(command);
    const uint64_t value = actor_number(command);
    pthread_mutex_lock(&g_activity_mutex);
    while (__atomic_load_n(place, __ATOMIC_ACQUIRE) != value) {
        pthread_cond_wait(&g_activity_changed, &g_activity_mutex);
    }
    pthread_mutex_unlock(&g_activity_mutex);
    actor_answer_code(command, 0);
}

/* fabric_counters: what this process has moved to and from other hosts, as JSON. */
static void fabric_counters(actor_command* command) {
    char* const text = mf_private_fabric_counters_json();
    if (text == NULL) {
        actor_answer_error(command, mf_private_last_error_code());
        return;
    }
    fprintf(command->answer, "ok %s\n", text);
    mf_private_free_text(text);
}

/* trans_counters HANDLE: as JSON, by path. */
static void trans_counters(actor_command* command) {
    char* const text = mf_private_trans_counters_json((smem_trans_t)actor_pointer(command));
    if (text == NULL) {
        actor_answer_error(command, 0);
        return;
    }
    fprintf(command->answer, "ok %s\n", text);
    mf_private_free_text(text);
}

bool actor_private_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"shm_create_part", create_part},
        {"shm_commit", commit},
        {"shm_discard", discard},
        {"shm_host", host},
        {"shm_put_nbi", put_nbi},
        {"shm_get_nbi", get_nbi},
        {"shm_quiet", quiet},
        {"shm_atomic", atomic},
        {"add", add},
        {"shm_put_rows", put_rows},
        {"shm_get_rows", get_rows},
        {"shm_listen", listen_to_activity},
        {"shm_sleep_until", sleep_until},
        {"trans_counters", trans_counters},
        {"fabric_counters", fabric_counters},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
