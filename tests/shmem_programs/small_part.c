// SPDX-License-Identifier: Apache-2.0
// A small part of a large heap: a block at each PE, written by its left neighbour.
#include "check.h"

int main(void) {
    shmem_init();
    const size_t count = 100001;
    int* block = (int*)shmem_malloc(count * sizeof(int));
    int* source = (int*)malloc(count * sizeof(int));
    CHECK(block != NULL && source != NULL, "memory");
    for (size_t i = 0; i < count; ++i) {
        source[i] = shmem_my_pe() * 7 + (int)i;
    }
    shmem_int_put(block, source, count, right_of(shmem_my_pe()));
    shmem_barrier_all();
    for (size_t i = 0; i < count; ++i) {
        CHECK(block[i] == left_of(shmem_my_pe()) * 7 + (int)i, "element %zu", i);
    }
    free(source);
    shmem_free(block);
    done();
    return 0;
}
