/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMFABRIC_TESTS_ACTOR_H
#define MEMFABRIC_TESTS_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The words of one command behind its name, consumed from the front, and where its answer goes. */
typedef struct {
    char* rest;
    FILE* answer;
} actor_command;

/* The next word; ends the process with a message where there is none: the test is wrong. */
char* actor_word(actor_command* command);
/* The next word as a number: decimal, 0x hexadecimal, may be negative. */
uint64_t actor_number(actor_command* command);
/* The next word; NULL for the word NULL. */
const char* actor_text(actor_command* command);
/* The next word as an address. */
void* actor_pointer(actor_command* command);
/* Whether a word is left. */
int actor_has_word(actor_command* command);

/* "err CODE" and the last-error text. */
void actor_answer_error(actor_command* command, int32_t code);
/* "ok" for 0, else the error. */
void actor_answer_code(actor_command* command, int32_t code);
/* "ok VALUE", or the error 0 where the call has no code. */
void actor_answer_value(actor_command* command, uint64_t value, bool failed);

typedef struct {
    const char* name;
    void (*run)(actor_command* command);
} actor_entry;

/* Runs the command of that name; false where there is none. */
bool actor_run_from(const actor_entry* entries, size_t count, const char* name, actor_command* command);

/* The commands by theme; false where the name is none of them: functions of smem.h, functions of smem_bm.h,
 * functions of smem_shm.h, functions of smem_trans.h, this process's own view of memory (alloc, free, fill,
 * check, peek, poke, ...), what libmf_shmem uses. */
bool actor_common_command(const char* name, actor_command* command);
bool actor_bm_command(const char* name, actor_command* command);
bool actor_shm_command(const char* name, actor_command* command);
bool actor_trans_command(const char* name, actor_command* command);
bool actor_memory_command(const char* name, actor_command* command);
bool actor_private_command(const char* name, actor_command* command);

/* smem_register_decrypt_handler with the handler type that takes size_t and size_t &. */
int32_t actor_register_cxx_handler(void);

/* The decrypt handlers turn the text round; a password that begins with '!' makes them fail. */
int actor_reverse(const char* cipher, size_t length, char* plain, size_t* room);

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_TESTS_ACTOR_H */
