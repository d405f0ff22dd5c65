// SPDX-License-Identifier: Apache-2.0
// Usage: tight_heap resize | scarce. With SHMEM_SYMMETRIC_SIZE=8M: blocks that fill more than half of the
// heap change their size. With one PE that has little memory: what cannot be had at one is taken at none.
#include "taken.h"

static const size_t kMiB = (size_t)1 << 20;

static void fill(unsigned char* block, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
        block[i] = (unsigned char)(i * 7 + (size_t)shmem_my_pe());
    }
}

static void check(const unsigned char* block, size_t end, const char* what) {
    for (size_t i = 0; i < end; ++i) {
        CHECK(block[i] == (unsigned char)(i * 7 + (size_t)shmem_my_pe()), "%s: byte %zu", what, i);
    }
}

static void resize(void) {
    unsigned char* block = (unsigned char*)shmem_malloc(5 * kMiB);
    CHECK(block != NULL, "memory");
    fill(block, 0, 5 * kMiB);
    block = (unsigned char*)shmem_realloc(block, 4 * kMiB);
    CHECK(block != NULL, "there is no room for a second block of 4 MiB");
    check(block, 4 * kMiB, "shrunk");
    unsigned char* freed = (unsigned char*)shmem_malloc(kMiB);
    CHECK(freed != NULL, "the rest is free again");
    shmem_free(freed);
    block = (unsigned char*)shmem_realloc(block, 7 * kMiB);
    CHECK(block != NULL, "what follows is free");
    check(block, 4 * kMiB, "grown");
    fill(block, 0, 7 * kMiB);
    unsigned char* behind = (unsigned char*)shmem_malloc(64);
    CHECK(shmem_realloc(block, 8 * kMiB) == NULL, "what follows is taken");
    CHECK(shmem_realloc(block, (size_t)1 << 60) == NULL && shmem_realloc(block, SIZE_MAX) == NULL,
          "more than a heap");
    check(block, 7 * kMiB, "a block that could not grow");
    shmem_free(behind);
    shmem_free(block);
    block = (unsigned char*)shmem_malloc(8 * kMiB);
    CHECK(block != NULL, "all is free again");
    shmem_free(block);
}

static void scarce(void) {
    const size_t before = bytes_taken();
    shmem_barrier_all();
    CHECK(shmem_malloc(64 * kMiB) == NULL, "one PE has not that much");
    CHECK(bytes_taken() == before, "%zu bytes, not %zu: it was not given back", bytes_taken(), before);
    shmem_barrier_all();
    unsigned char* block = (unsigned char*)shmem_malloc(3 * kMiB);
    CHECK(block != NULL, "that much all have");
    CHECK(shmem_realloc(block, 64 * kMiB) == NULL, "one PE has not that much");
    fill(block, 0, 3 * kMiB);
    shmem_barrier_all();
    shmem_putmem(block, block, 3 * kMiB, shmem_my_pe());
    check(block, 3 * kMiB, "a block after failures");
    shmem_free(block);
}

int main(int count, char** arguments) {
    shmem_init();
    if (count > 1 && strcmp(arguments[1], "scarce") == 0) {
        scarce();
    } else {
        resize();
    }
    done();
    return 0;
}
