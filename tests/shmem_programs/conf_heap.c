// SPDX-License-Identifier: Apache-2.0
// The symmetric heap: contents, alignment, symmetry of what is given out, and use again of what was freed.
#include "check.h"

enum { kBlocks = 40 };

// The same offset everywhere: a value put by that address arrives in the right neighbour's block.
static void check_symmetric(unsigned char* block, size_t size) {
    const int me = shmem_my_pe();
    const unsigned char first = (unsigned char)(me + 1);
    CHECK(block != NULL, "memory");
    shmem_barrier_all();
    shmem_uchar_p(block, first, right_of(me));
    shmem_uchar_p(block + size - 1, first, right_of(me));
    shmem_barrier_all();
    const unsigned char wanted = (unsigned char)(left_of(me) + 1);
    CHECK(block[0] == wanted && block[size - 1] == wanted, "%d and %d, not %d", block[0], block[size - 1],
          wanted);
    CHECK(shmem_ptr(block, me) == block, "the own block is where it is");
    CHECK(shmem_addr_accessible(block + size - 1, right_of(me)), "the last byte");
    shmem_barrier_all();
}

static void plain(void) {
    const size_t sizes[] = {1, 63, 64, 65, 4097, 100003, 5 << 20};
    unsigned char* blocks[7];
    for (int i = 0; i < 7; ++i) {
        blocks[i] = (unsigned char*)shmem_malloc(sizes[i]);
        check_symmetric(blocks[i], sizes[i]);
        for (int j = 0; j < i; ++j) {
            CHECK(blocks[i] >= blocks[j] + sizes[j] || blocks[j] >= blocks[i] + sizes[i], "they overlap");
        }
    }
    for (int i = 0; i < 7; ++i) {
        shmem_free(blocks[i]);
    }
    CHECK(shmem_malloc(0) == NULL, "no bytes, no block");
    shmem_free(NULL);
}

static void zeroed(void) {
    for (int round = 0; round < 3; ++round) {  // the second is given memory that was written
        const size_t count = 3001;
        long* block = (long*)shmem_calloc(count, sizeof(long));
        CHECK(block != NULL, "memory");
        for (size_t i = 0; i < count; ++i) {
            CHECK(block[i] == 0, "element %zu", i);
            block[i] = -1;
        }
        shmem_free(block);
    }
    CHECK(shmem_calloc(SIZE_MAX / 2, 4) == NULL, "more bytes than a size can say");
    CHECK(shmem_calloc(0, 8) == NULL && shmem_calloc(8, 0) == NULL, "no bytes, no block");
}

static void aligned(void) {
    enum { kAlignments = 22 };
    unsigned char* blocks[kAlignments];  // 8 bytes to 16 MiB
    size_t alignment = sizeof(void*);
    for (int i = 0; i < kAlignments; ++i, alignment *= 2) {
        blocks[i] = (unsigned char*)shmem_align(alignment, 100 + (size_t)i);
        CHECK((uintptr_t)blocks[i] % alignment == 0, "%p is no multiple of %zu", (void*)blocks[i], alignment);
        check_symmetric(blocks[i], 100 + (size_t)i);
    }
    for (int i = kAlignments - 1; i >= 0; --i) {
        shmem_free(blocks[i]);
    }
    CHECK(shmem_align(alignment, 100) == NULL, "PEs lie no multiple of %zu apart", alignment);
}

static void resized(void) {
    int* block = (int*)shmem_realloc(NULL, 10 * sizeof(int));
    CHECK(block != NULL, "memory");
    for (int i = 0; i < 10; ++i) {
        block[i] = value_of(shmem_my_pe(), i);
    }
    int* larger = (int*)shmem_realloc(block, 1000003 * sizeof(int));
    EXPECT(int, larger, 10, shmem_my_pe(), "realloc to more");
    check_symmetric((unsigned char*)(larger + 10), 1000000);
    int* smaller = (int*)shmem_realloc(larger, 3 * sizeof(int));
    EXPECT(int, smaller, 3, shmem_my_pe(), "realloc to less");
    CHECK(shmem_realloc(smaller, 0) == NULL, "realloc to nothing frees");
}

static void hinted(void) {
    const long hints[] = {0, SHMEM_MALLOC_ATOMICS_REMOTE, SHMEM_MALLOC_SIGNAL_REMOTE,
                          SHMEM_MALLOC_ATOMICS_REMOTE | SHMEM_MALLOC_SIGNAL_REMOTE};
    for (int i = 0; i < 4; ++i) {
        uint64_t* block = (uint64_t*)shmem_malloc_with_hints(8 * sizeof(uint64_t), hints[i]);
        check_symmetric((unsigned char*)block, 8 * sizeof(uint64_t));
        shmem_free(block);
    }
    CHECK(shmem_malloc_with_hints(0, 0) == NULL, "no bytes, no block");
}

// What was freed in any order is whole again.
static void used_again(void) {
    unsigned char* blocks[kBlocks];
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < kBlocks; ++i) {
            blocks[i] = (unsigned char*)shmem_malloc((size_t)1000 + (size_t)i * 77777);
            CHECK(blocks[i] != NULL, "memory");
            memset(blocks[i], i, (size_t)1000 + (size_t)i * 77777);
        }
        for (int i = 0; i < kBlocks; ++i) {
            const int which = (i * 7 + round) % kBlocks;  // 7 and 40 have no common divisor
            CHECK(blocks[which][(size_t)999 + (size_t)which * 77777] == which, "block %d", which);
            shmem_free(blocks[which]);
        }
    }
    unsigned char* one = (unsigned char*)shmem_malloc((size_t)60 << 20);
    check_symmetric(one, (size_t)60 << 20);
    shmem_free(one);
}

int main(void) {
    shmem_init();
    int outside = 0;
    CHECK(shmem_ptr(&outside, shmem_my_pe()) == NULL, "the stack is not symmetric");
    CHECK(!shmem_addr_accessible(&outside, shmem_my_pe()), "the stack is not symmetric");
    plain();
    zeroed();
    aligned();
    resized();
    hinted();
    used_again();
    done();
    return 0;
}
