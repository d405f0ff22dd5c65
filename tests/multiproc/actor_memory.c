/* SPDX-License-Identifier: Apache-2.0 */
/* What the actor does with plain loads and stores. Addresses of other ranks are pointers like its own. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "actor.h"

/* Byte `index` of the endless pattern `seed`: depends on every bit of both, so a piece that lands elsewhere
 * is seen. */
static uint8_t pattern(uint64_t seed, uint64_t index) {
    uint64_t x = (index / 8 + 1) * 0x9e3779b97f4a7c15u + seed * 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 32;
    return (uint8_t)(x >> (8 * (index % 8)));
}

static uint8_t* pointer(uint64_t address) {
    return (uint8_t*)(uintptr_t)address;
}

/* fill ADDRESS SIZE SEED [FIRST]: the pattern's bytes from FIRST (default 0) on. */
static void fill(actor_command* command) {
    uint8_t* const bytes = pointer(actor_number(command));
    const uint64_t size = actor_number(command);
    const uint64_t seed = actor_number(command);
    const uint64_t first = actor_has_word(command) ? actor_number(command) : 0;
    for (uint64_t i = 0; i < size; ++i) {
        bytes[i] = pattern(seed, first + i);
    }
    fprintf(command->answer, "ok\n");
}

/* check ADDRESS SIZE SEED [FIRST]: err names the first byte that differs. */
static void check(actor_command* command) {
    const uint8_t* const bytes = pointer(actor_number(command));
    const uint64_t size = actor_number(command);
    const uint64_t seed = actor_number(command);
    const uint64_t first = actor_has_word(command) ? actor_number(command) : 0;
    for (uint64_t i = 0; i < size; ++i) {
        const uint8_t wanted = pattern(seed, first + i);
        if (bytes[i] != wanted) {
            fprintf(command->answer, "err 1 byte %" PRIu64 " of %" PRIu64 " is %u, the pattern has %u\n", i,
                    size, bytes[i], wanted);
            return;
        }
    }
    fprintf(command->answer, "ok\n");
}

/* set ADDRESS SIZE BYTE */
static void set(actor_command* command) {
    uint8_t* const bytes = pointer(actor_number(command));
    const size_t size = actor_number(command);
    memset(bytes, (int)actor_number(command), size);
    fprintf(command->answer, "ok\n");
}

/* all ADDRESS SIZE BYTE: whether every byte is BYTE. */
static void all(actor_command* command) {
    const uint8_t* const bytes = pointer(actor_number(command));
    const uint64_t size = actor_number(command);
    const uint64_t wanted = actor_number(command);
    for (uint64_t i = 0; i < size; ++i) {
        if (bytes[i] != wanted) {
            fprintf(command->answer, "err 1 byte %" PRIu64 " of %" PRIu64 " is %u, not %" PRIu64 "\n", i,
                    size, bytes[i], wanted);
            return;
        }
    }
    fprintf(command->answer, "ok\n");
}

/* peek ADDRESS: 8 bytes as one number, loaded atomically. poke ADDRESS NUMBER: the reverse. */
static void peek(actor_command* command) {
    const uint64_t* const word = (const uint64_t*)(uintptr_t)actor_number(command);
    fprintf(command->answer, "ok %" PRIu64 "\n", __atomic_load_n(word, __ATOMIC_ACQUIRE));
}

static void poke(actor_command* command) {
    uint64_t* const word = (uint64_t*)(uintptr_t)actor_number(command);
    __atomic_store_n(word, actor_number(command), __ATOMIC_RELEASE);
    fprintf(command->answer, "ok\n");
}

/* What alloc has given out, so that a leak checker finds it: tests need not free. */
enum { kAllocationsMax = 1024 };
static void* g_allocations[kAllocationsMax];

static void** allocation_slot(const void* memory) {
    for (size_t i = 0; i < kAllocationsMax; ++i) {
        if (g_allocations[i] == memory) {
            return &g_allocations[i];
        }
    }
    fprintf(stderr, "actor: %s\n", memory == NULL ? "too many allocations" : "this was not allocated");
    exit(90);
}

/* alloc SIZE: zeroed, aligned to 64 bytes. */
static void allocate(actor_command* command) {
    const size_t size = actor_number(command);
    void* memory = NULL;
    if (posix_memalign(&memory, 64, size) != 0) {
        fprintf(command->answer, "err 1 no memory\n");
        return;
    }
    memset(memory, 0, size);
    *allocation_slot(NULL) = memory;
    fprintf(command->answer, "ok %" PRIu64 "\n", (uint64_t)(uintptr_t)memory);
}

static void release(actor_command* command) {
    uint8_t* const memory = pointer(actor_number(command));
    *allocation_slot(memory) = NULL;
    free(memory);
    fprintf(command->answer, "ok\n");
}

/* occupy ADDRESS SIZE: address space that nobody else in this process can have any more. */
static void occupy(actor_command* command) {
    void* const wanted = pointer(actor_number(command));
    const size_t size = actor_number(command);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    if (mmap(wanted, size, PROT_NONE, flags, -1, 0) != wanted) {
        fprintf(command->answer, "err 1 the range is taken\n");
        return;
    }
    fprintf(command->answer, "ok\n");
}

/* map SIZE: zeroed whole pages of their own, which unmap ADDRESS SIZE takes away again, also in part;
 * protect ADDRESS SIZE makes pages read-only. */
static void map(actor_command* command) {
    void* const memory =
        mmap(NULL, actor_number(command), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(command->answer, "err 1 no memory\n");
        return;
    }
    fprintf(command->answer, "ok %" PRIu64 "\n", (uint64_t)(uintptr_t)memory);
}

/* Where something was before: the kernel alone might choose another place. */
static void map_at(actor_command* command) {
    void* const place = pointer(actor_number(command));
    void* const memory = mmap(place, actor_number(command), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    fprintf(command->answer, memory == place ? "ok\n" : "err 1 not free\n");
}

static void unmap(actor_command* command) {
    void* const memory = pointer(actor_number(command));
    fprintf(command->answer, munmap(memory, actor_number(command)) == 0 ? "ok\n" : "err 1 not mapped\n");
}

static void protect(actor_command* command) {
    void* const memory = pointer(actor_number(command));
    fprintf(command->answer,
            mprotect(memory, actor_number(command), PROT_READ) == 0 ? "ok\n" : "err 1 not mapped\n");
}

bool actor_memory_command(const char* name, actor_command* command) {
    static const actor_entry kCommands[] = {
        {"fill", fill},     {"check", check},    {"set", set},        {"all", all},       {"peek", peek},
        {"poke", poke},     {"alloc", allocate}, {"free", release},   {"occupy", occupy}, {"map", map},
        {"map_at", map_at}, {"unmap", unmap},    {"protect", protect}};
    return actor_run_from(kCommands, sizeof kCommands / sizeof kCommands[0], name, command);
}
