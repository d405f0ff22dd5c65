// SPDX-License-Identifier: Apache-2.0
// A small part of a large heap: a block at each PE, written by its left neighbour.
#include "taken.h"

static const size_t kMiB = (size_t)1 << 20;

// Of all PEs together; nobody takes or gives any meanwhile.
static size_t now_taken(void) {
    shmem_barrier_all();
    const size_t taken = bytes_taken();
    shmem_barrier_all();
    return taken;
}

// The hole that an alignment makes takes no memory, and the block has all of it before it is touched.
static void check_aligned(void) {
    const size_t pes = (size_t)shmem_n_pes();
    char* front = (char*)shmem_malloc(64);
    char* large = (char*)shmem_malloc(7 * kMiB);
    shmem_free(front);
    const size_t before = now_taken();
    char* aligned = (char*)shmem_align(2 * kMiB, 20 * kMiB);
    CHECK(aligned != NULL && (uintptr_t)aligned % (2 * kMiB) == 0, "%p", (void*)aligned);
    const size_t more = now_taken() - before;
    CHECK(more >= 18 * kMiB * pes && more <= 24 * kMiB * pes, "%zu bytes", more);
    memset(aligned, 1, 20 * kMiB);
    CHECK(now_taken() - before == more, "memory that was not there from the start");
    shmem_free(aligned);
    shmem_free(large);
}

int main(void) {
    shmem_init();
    const size_t count = 100001;
    const size_t most = 5 * kMiB * (size_t)shmem_n_pes();
    CHECK(now_taken() < most, "%zu bytes of %d PEs before any block", now_taken(), shmem_n_pes());
    int* block = (int*)shmem_malloc(count * sizeof(int));
    int* source = (int*)malloc(count * sizeof(int));
    CHECK(block != NULL && source != NULL, "memory");
    CHECK(now_taken() < most, "%zu bytes of %d PEs", now_taken(), shmem_n_pes());
    for (size_t i = 0; i < count; ++i) {
        source[i] = shmem_my_pe() * 7 + (int)i;
    }
    shmem_int_put(block, source, count, right_of(shmem_my_pe()));
    shmem_barrier_all();
    for (size_t i = 0; i < count; ++i) {
        CHECK(block[i] == left_of(shmem_my_pe()) * 7 + (int)i, "element %zu", i);
    }
    free(source);
    if (shmem_n_pes() <= 4) {
        check_aligned();
    }
    shmem_free(block);
    done();
    return 0;
}
