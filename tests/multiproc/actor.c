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

enum { kLineMax = 1 << 20 };

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

const char* actor_text(actor_command* command) {
    const char* const word = actor_word(command);
    return strcmp(word, "NULL") == 0 ? NULL : word;
}

void* actor_pointer(actor_command* command) {
    return (void*)(uintptr_t)actor_number(command);
}

/* ---- answers ---- */

void actor_answer_error(actor_command* command, int32_t code) {
    fprintf(command->answer, "err %" PRId32 " ", code);
    for (const char* c = smem_get_last_err_msg(); *c != '\0'; ++c) {
        fputc(*c == '\n' || *c == '\r' ? ' ' : *c, command->answer);
    }
    fputc('\n', command->answer);
}

void actor_answer_code(actor_command* command, int32_t code) {
    if (code == 0) {
        fprintf(command->answer, "ok\n");
    } else {
        actor_answer_error(command, code);
    }
}

void actor_answer_value(actor_command* command, uint64_t value, bool failed) {
    if (failed) {
        actor_answer_error(command, 0);
    } else {
        fprintf(command->answer, "ok %" PRIu64 "\n", value);
    }
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

bool actor_run_from(const actor_entry* entries, size_t count, const char* name, actor_command* command) {
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(name, entries[i].name) == 0) {
            entries[i].run(command);
            return true;
        }
    }
    return false;
}

static bool process_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"fork", fork_child},
        {"fork_and_stay", fork_and_stay},
        {"background", background},
        {"background_result", background_result},
    };
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}

static void run_line(char* line, FILE* answer) {
    actor_command command = {line, answer};
    const char* const name = actor_word(&command);
    /* So that the text of a failure can only come from this call. */
    if (strcmp(name, "last_error") != 0 && strcmp(name, "take_last_error") != 0) {
        (void)smem_get_and_clear_last_err_msg();
    }
    if (!process_command(name, &command) && !actor_common_command(name, &command) &&
        !actor_bm_command(name, &command) && !actor_shm_command(name, &command) &&
        !actor_trans_command(name, &command) && !actor_memory_command(name, &command) &&
        !actor_private_command(name, &command)) {
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
