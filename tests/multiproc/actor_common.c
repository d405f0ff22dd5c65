/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of smem.h and smem_security.h. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "actor.h"
#include "smem.h"

enum { kLogTextMax = 1 << 16 };

static pthread_mutex_t g_log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char g_log_text[kLogTextMax];
static size_t g_log_size;

static void external_logger(int level, const char* message) {
    pthread_mutex_lock(&g_log_mutex);
    const size_t room = kLogTextMax - g_log_size;
    const int written = snprintf(g_log_text + g_log_size, room, "%d:%s|", level, message);
    if (written > 0 && (size_t)written < room) {
        g_log_size += (size_t)written;
    }
    pthread_mutex_unlock(&g_log_mutex);
}

static void init(actor_command* command) {
    actor_answer_code(command, smem_init((uint32_t)actor_number(command)));
}

static void uninit(actor_command* command) {
    smem_uninit();
    fprintf(command->answer, "ok\n");
}

static void create_store(actor_command* command) {
    actor_answer_code(command, smem_create_config_store(actor_text(command)));
}

static void set_log_level(actor_command* command) {
    actor_answer_code(command, smem_set_log_level((int)actor_number(command)));
}

/* logger on|NULL */
static void set_logger(actor_command* command) {
    actor_answer_code(command, smem_set_extern_logger(actor_text(command) == NULL ? NULL : external_logger));
}

/* Everything that the external logger has got, "LEVEL:TEXT|" each. */
static void logged(actor_command* command) {
    pthread_mutex_lock(&g_log_mutex);
    fprintf(command->answer, "ok %.*s\n", (int)g_log_size, g_log_text);
    pthread_mutex_unlock(&g_log_mutex);
}

/* tls ENABLE LENGTH [INFO...]: the rest of the line is the text; LENGTH -1 takes its real length; no text is
 * NULL. */
static void set_tls(actor_command* command) {
    const bool enable = actor_number(command) != 0;
    const uint64_t given = actor_number(command);
    const char* const info = actor_has_word(command) ? command->rest : NULL;
    const uint32_t length =
        given == UINT64_MAX ? (uint32_t)(info == NULL ? 0 : strlen(info)) : (uint32_t)given;
    actor_answer_code(command, smem_set_conf_store_tls(enable, info, length));
}

static void last_error(actor_command* command) {
    fprintf(command->answer, "ok %s\n", smem_get_last_err_msg());
}

static void take_last_error(actor_command* command) {
    fprintf(command->answer, "ok %s\n", smem_get_and_clear_last_err_msg());
}

int actor_reverse(const char* cipher, size_t length, char* plain, size_t* room) {
    if (length == 0 || cipher[0] == '!' || length > *room) {
        return -1;
    }
    for (size_t i = 0; i < length; ++i) {
        plain[i] = cipher[length - 1 - i];
    }
    *room = length;
    return 0;
}

static int decrypt(const char* cipher, int* cipher_length, char* plain, int* plain_length) {
    size_t room = (size_t)*plain_length;
    const int result = actor_reverse(cipher, (size_t)*cipher_length, plain, &room);
    *plain_length = (int)room;
    return result;
}

/* decrypt c|sized|cxx|NULL|NULLsized: which form of the handler is registered. */
static void register_decrypt(actor_command* command) {
    const char* const form = actor_word(command);
    if (strcmp(form, "c") == 0) {
        actor_answer_code(command, smem_register_decrypt_handler(decrypt));
    } else if (strcmp(form, "sized") == 0) {
        actor_answer_code(command, smem_register_decrypt_handler_sized(actor_reverse));
    } else if (strcmp(form, "cxx") == 0) {
        actor_answer_code(command, actor_register_cxx_handler());
    } else if (strcmp(form, "NULLsized") == 0) {
        actor_answer_code(command, smem_register_decrypt_handler_sized(NULL));
    } else {
        actor_answer_code(command, smem_register_decrypt_handler(NULL));
    }
}

bool actor_common_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"init", init},
        {"uninit", uninit},
        {"create_store", create_store},
        {"log_level", set_log_level},
        {"logger", set_logger},
        {"logged", logged},
        {"tls", set_tls},
        {"last_error", last_error},
        {"take_last_error", take_last_error},
        {"decrypt", register_decrypt},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
