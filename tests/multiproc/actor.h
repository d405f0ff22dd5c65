/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMFABRIC_TESTS_ACTOR_H
#define MEMFABRIC_TESTS_ACTOR_H

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
/* Whether a word is left. */
int actor_has_word(actor_command* command);

/* Commands on this process's own view of memory: alloc, free, fill, check, bytes, peek, poke, ... Returns 0
 * where the name is none of them. */
int actor_memory_command(const char* name, actor_command* command);

/* smem_register_decrypt_handler with the handler type that takes size_t and size_t &. */
int32_t actor_register_cxx_handler(void);

/* The decrypt handlers turn the text round; a password that begins with '!' makes them fail. */
int actor_reverse(const char* cipher, size_t length, char* plain, size_t* room);

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_TESTS_ACTOR_H */
