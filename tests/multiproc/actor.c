/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of the multi-process tests. It reads commands from standard input, one per line, and writes one
 * line for each: "ok [values]" or "err CODE TEXT", where TEXT is the library's last error. Functions that
 * return no code give the code 0. So a test in Python scripts any interleaving of any number of processes. It
 * ends with "quit" or with its input.
 */
#define _GNU_SOURCE
#include "actor.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smem.h"
#include "smem_bm.h"

enum { kLineMax = 1 << 20, kBatchMax = 512, kLogTextMax = 1 << 16 };

static smem_bm_config_t g_config;

static pthread_mutex_t g_log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char g_log_text[kLogTextMax];
static size_t g_log_size;

static pthread_t g_background;
static char* g_background_answer;
static size_t g_background_answer_size;
static bool g_background_runs;

static bool g_forked_child;

static void run_line(char* line, FILE* answer);

/* Asked by the leak checker. In a forked child it would report what the parent's threads hold. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
    return g_forked_child;
}

/* ---- words ---- */

int actor_has_word(actor_command* command) {
    return *command->rest != '\0';
}

char* actor_word(actor_command* command) {
    char* const word = command->rest;
    if (*word == '\0') {
        fprintf(stderr, "actor: a word is missing at the end of the command\n");
        exit(90);
    }
    char* const space = strchr(word, ' ');
    if (space == NULL) {
        command->rest = word + strlen(word);
    } else {
        *space = '\0';
        command->rest = space + 1;
    }
    return word;
}

uint64_t actor_number(actor_command* command) {
    const char* const word = actor_word(command);
    char* end = NULL;
    const uint64_t value = word[0] == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
    if (*end != '\0') {
        fprintf(stderr, "actor: '%s' is no number\n", word);
        exit(90);
    }
    return value;
}

/* A word, or NULL for the word NULL. */
static const char* text_word(actor_command* command) {
    const char* const word = actor_word(command);
    return strcmp(word, "NULL") == 0 ? NULL : word;
}

static void* pointer_word(actor_command* command) {
    return (void*)(uintptr_t)actor_number(command);
}

/* ---- answers ---- */

static void answer_error(actor_command* command, int32_t code) {
    fprintf(command->answer, "err %" PRId32 " ", code);
    for (const char* c = smem_get_last_err_msg(); *c != '\0'; ++c) {
        fputc(*c == '\n' || *c == '\r' ? ' ' : *c, command->answer);
    }
    fputc('\n', command->answer);
}

static void answer_code(actor_command* command, int32_t code) {
    if (code == 0) {
        fprintf(command->answer, "ok\n");
    } else {
        answer_error(command, code);
    }
}

static void answer_value(actor_command* command, uint64_t value, bool failed) {
    if (failed) {
        answer_error(command, 0);
    } else {
        fprintf(command->answer, "ok %" PRIu64 "\n", value);
    }
}

/* ---- common functions ---- */

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
    answer_code(command, smem_init((uint32_t)actor_number(command)));
}

static void uninit(actor_command* command) {
    smem_uninit();
    fprintf(command->answer, "ok\n");
}

static void create_store(actor_command* command) {
    answer_code(command, smem_create_config_store(text_word(command)));
}

static void set_log_level(actor_command* command) {
    answer_code(command, smem_set_log_level((int)actor_number(command)));
}

/* logger on|NULL */
static void set_logger(actor_command* command) {
    answer_code(command, smem_set_extern_logger(text_word(command) == NULL ? NULL : external_logger));
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
    answer_code(command, smem_set_conf_store_tls(enable, info, length));
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
        answer_code(command, smem_register_decrypt_handler(decrypt));
    } else if (strcmp(form, "sized") == 0) {
        answer_code(command, smem_register_decrypt_handler_sized(actor_reverse));
    } else if (strcmp(form, "cxx") == 0) {
        answer_code(command, actor_register_cxx_handler());
    } else if (strcmp(form, "NULLsized") == 0) {
        answer_code(command, smem_register_decrypt_handler_sized(NULL));
    } else {
        answer_code(command, smem_register_decrypt_handler(NULL));
    }
}

/* ---- BM ---- */

static void config_init(actor_command* command) {
    if (actor_has_word(command) && text_word(command) == NULL) {
        answer_code(command, smem_bm_config_init(NULL));
        return;
    }
    memset(&g_config, 0xa5, sizeof g_config); /* every field is set by the call, or a test sees it */
    answer_code(command, smem_bm_config_init(&g_config));
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
    const char* const url = text_word(command);
    const uint32_t world = (uint32_t)actor_number(command);
    const uint16_t device = (uint16_t)actor_number(command);
    answer_code(command, smem_bm_init(url, world, device, actor_has_word(command) ? NULL : &g_config));
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
    answer_value(command, (uint64_t)(uintptr_t)handle, handle == NULL);
}

static void destroy(actor_command* command) {
    smem_bm_destroy(pointer_word(command));
    fprintf(command->answer, "ok\n");
}

/* join HANDLE FLAGS [NULL]: NULL passes no room for the address. */
static void join(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    void* address = NULL;
    const int32_t code = smem_bm_join(handle, flags, actor_has_word(command) ? NULL : &address);
    if (code != 0) {
        answer_error(command, code);
    } else {
        fprintf(command->answer, "ok %" PRIu64 "\n", (uint64_t)(uintptr_t)address);
    }
}

static void leave(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    answer_code(command, smem_bm_leave(handle, (uint32_t)actor_number(command)));
}

static void local_size(actor_command* command) {
    const uint64_t size = smem_bm_get_local_mem_size(pointer_word(command));
    answer_value(command, size, size == 0);
}

/* size_by_type HANDLE TYPE: 0 is a size that an object may have, so it is no failure here. */
static void local_size_by_type(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t type = (uint32_t)actor_number(command);
    fprintf(command->answer, "ok %" PRIu64 "\n",
            smem_bm_get_local_mem_size_by_mem_type(handle, (smem_bm_mem_type)type));
}

static void ptr(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const void* const address = smem_bm_ptr(handle, (uint16_t)actor_number(command));
    answer_value(command, (uint64_t)(uintptr_t)address, address == NULL);
}

static void ptr_by_type(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const void* const address =
        smem_bm_ptr_by_mem_type(handle, (smem_bm_mem_type)type, (uint16_t)actor_number(command));
    answer_value(command, (uint64_t)(uintptr_t)address, address == NULL);
}

static void rank_by_gva(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t found = smem_bm_get_rank_id_by_gva(handle, pointer_word(command));
    answer_value(command, found, found == UINT32_MAX);
}

/* copy HANDLE TYPE FLAGS DESTINATION SOURCE COUNT; without the last three the parameters are NULL. */
static void copy(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_copy_params params;
    if (!actor_has_word(command)) {
        answer_code(command, smem_bm_copy(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    params.dest = pointer_word(command);
    params.src = pointer_word(command);
    params.count = actor_number(command);
    answer_code(command, smem_bm_copy(handle, &params, (smem_bm_copy_type)type, flags));
}

/* copy_2d HANDLE TYPE FLAGS DESTINATION DPITCH SOURCE SPITCH WIDTH HEIGHT */
static void copy_2d(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_copy_2d_params params;
    if (!actor_has_word(command)) {
        answer_code(command, smem_bm_copy_2d(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    params.dest = pointer_word(command);
    params.dpitch = actor_number(command);
    params.src = pointer_word(command);
    params.spitch = actor_number(command);
    params.width = actor_number(command);
    params.height = actor_number(command);
    answer_code(command, smem_bm_copy_2d(handle, &params, (smem_bm_copy_type)type, flags));
}

/* batch HANDLE TYPE FLAGS COUNT|NULL|NULLlists [DESTINATION SOURCE SIZE]... */
static void batch(actor_command* command) {
    void* sources[kBatchMax];
    void* destinations[kBatchMax];
    uint64_t sizes[kBatchMax];
    const smem_bm_t handle = pointer_word(command);
    const uint32_t type = (uint32_t)actor_number(command);
    const uint32_t flags = (uint32_t)actor_number(command);
    smem_batch_copy_params params = {sources, destinations, sizes, 0};
    if (strcmp(command->rest, "NULL") == 0) {
        answer_code(command, smem_bm_copy_batch(handle, NULL, (smem_bm_copy_type)type, flags));
        return;
    }
    if (strcmp(command->rest, "NULLlists") == 0) {
        const smem_batch_copy_params nothing = {NULL, NULL, NULL, 1};
        params = nothing;
        answer_code(command, smem_bm_copy_batch(handle, &params, (smem_bm_copy_type)type, flags));
        return;
    }
    params.batchSize = (uint32_t)actor_number(command);
    for (uint32_t i = 0; i < params.batchSize && i < kBatchMax; ++i) {
        destinations[i] = pointer_word(command);
        sources[i] = pointer_word(command);
        sizes[i] = actor_number(command);
    }
    answer_code(command, smem_bm_copy_batch(handle, &params, (smem_bm_copy_type)type, flags));
}

static void wait_for_copies(actor_command* command) {
    answer_code(command, smem_bm_wait(pointer_word(command)));
}

static void register_memory(actor_command* command) {
    const smem_bm_t handle = pointer_word(command);
    const uint64_t address = actor_number(command);
    answer_code(command, smem_bm_register_user_mem(handle, address, actor_number(command)));
}

static void unregister_memory(actor_command* command) {
    answer_code(command, smem_bm_unregister_user_mem(actor_number(command)));
}

/* ---- the process itself ---- */

/* fork exit|_exit COMMAND;COMMAND;...: a child runs the commands and ends that way; the answer is its
 * answers, separated by ';', and its wait status. */
static void fork_child(actor_command* command) {
    const bool run_handlers = strcmp(actor_word(command), "exit") == 0;
    int ends[2];
    if (pipe(ends) != 0) {
        fprintf(command->answer, "err 1 no pipe\n");
        return;
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        g_forked_child = true;
        FILE* const answer = fdopen(ends[1], "w");
        char* state = NULL;
        for (char* line = strtok_r(command->rest, ";", &state); line != NULL;
             line = strtok_r(NULL, ";", &state)) {
            run_line(line, answer);
        }
        fflush(answer);
        if (run_handlers) {
            exit(0);
        }
        _exit(0);
    }
    close(ends[1]);
    fprintf(command->answer, "ok ");
    FILE* const answers = fdopen(ends[0], "r");
    for (int c = fgetc(answers); c != EOF; c = fgetc(answers)) {
        fputc(c == '\n' ? '\x1f' : c, command->answer);
    }
    fclose(answers);
    int status = -1;
    waitpid(child, &status, 0);
    fprintf(command->answer, "%d\n", status);
}

/* fork_and_stay: a child that outlives this process and ends when, after that, a line or the end comes on
 * standard input. */
static void fork_and_stay(actor_command* command) {
    int ends[2];
    char byte = 0;
    if (pipe(ends) != 0) {
        fprintf(command->answer, "err 1 no pipe\n");
        return;
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        /* Ends when the parent's end closes, that is, with the parent. */
        while (read(ends[0], &byte, 1) > 0) {
        }
        (void)!read(STDIN_FILENO, &byte, 1);
        _exit(0);
    }
    close(ends[0]);
    fprintf(command->answer, "ok %d\n", (int)child);
}

typedef struct {
    char* line;
    uint64_t times;
} background_job;

static void* background_main(void* argument) {
    background_job* const job = argument;
    for (uint64_t i = 0; i < job->times; ++i) {
        free(g_background_answer);
        char* const line = strdup(job->line);
        FILE* const answer = open_memstream(&g_background_answer, &g_background_answer_size);
        run_line(line, answer);
        fclose(answer);
        free(line);
        if (strncmp(g_background_answer, "ok", 2) != 0) {
            break;
        }
    }
    free(job->line);
    free(job);
    return NULL;
}

/* background TIMES COMMAND: runs the command on a second thread until it fails, at most that often. */
static void background(actor_command* command) {
    background_job* const job = malloc(sizeof *job);
    job->times = actor_number(command);
    job->line = strdup(command->rest);
    command->rest += strlen(command->rest);
    g_background_runs = pthread_create(&g_background, NULL, background_main, job) == 0;
    fprintf(command->answer, "ok\n");
}

/* The last answer of the background command, once that has ended. */
static void background_result(actor_command* command) {
    if (g_background_runs) {
        pthread_join(g_background, NULL);
        g_background_runs = false;
    }
    fprintf(command->answer, "ok %s", g_background_answer == NULL ? "nothing\n" : g_background_answer);
    free(g_background_answer);
    g_background_answer = NULL;
}

/* ---- dispatch ---- */

typedef struct {
    const char* name;
    void (*run)(actor_command* command);
} command_entry;

static const command_entry kCommands[] = {
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
    {"config_init", config_init},
    {"config", config},
    {"bm_init", bm_init},
    {"bm_uninit", bm_uninit},
    {"rank", rank},
    {"create", create},
    {"destroy", destroy},
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
    {"fork", fork_child},
    {"fork_and_stay", fork_and_stay},
    {"background", background},
    {"background_result", background_result},
};

static void run_line(char* line, FILE* answer) {
    actor_command command = {line, answer};
    const char* const name = actor_word(&command);
    /* So that the text of a failure can only come from this call. */
    if (strcmp(name, "last_error") != 0 && strcmp(name, "take_last_error") != 0) {
        (void)smem_get_and_clear_last_err_msg();
    }
    for (size_t i = 0; i < sizeof kCommands / sizeof kCommands[0]; ++i) {
        if (strcmp(name, kCommands[i].name) == 0) {
            kCommands[i].run(&command);
            return;
        }
    }
    if (!actor_memory_command(name, &command)) {
        fprintf(stderr, "actor: unknown command '%s'\n", name);
        exit(90);
    }
}

int main(void) {
    /* A test that is killed takes its processes along. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    char* line = malloc(kLineMax);
    if (line == NULL) {
        return 91;
    }
    printf("checkpoint started\n");
    fflush(stdout);
    while (fgets(line, kLineMax, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0) {
            break;
        }
        run_line(line, stdout);
        fflush(stdout);
    }
    free(line);
    return 0;
}
