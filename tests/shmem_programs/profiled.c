// SPDX-License-Identifier: Apache-2.0
// What a profiling library counts: two puts, three stores, four barriers, and nothing while it is switched
// off.
#include "check.h"

static long numbers[8];

int main(void) {
    shmem_init();
    const long given[2] = {4, 5};
    const int right = right_of(shmem_my_pe());
    shmem_putmem(numbers, given, sizeof given, right);
    TYPED(long, put)(numbers + 2, given, 2, right);
    for (int i = 4; i < 7; ++i) {
        TYPED(long, p)(numbers + i, i, right);
    }
    shmem_barrier_all();
    shmem_pcontrol(0);
    TYPED(long, p)(numbers + 7, 7, right);
    shmem_barrier_all();
    shmem_pcontrol(1);
    const long wanted[8] = {4, 5, 4, 5, 4, 5, 6, 7};
    for (int i = 0; i < 8; ++i) {
        CHECK(numbers[i] == wanted[i], "element %d", i);
    }
    shmem_barrier_all();
    shmem_barrier_all();
    done();
    return 0;
}
