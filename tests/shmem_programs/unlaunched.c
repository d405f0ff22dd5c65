// SPDX-License-Identifier: Apache-2.0
// Usage: unlaunched PE PES URL [gone]. A PE that no launcher has started; PE 0 serves the config store. With
// "gone" PE 0 goes without a word while the others wait for it.
#include <shmemx.h>
#include <unistd.h>

#include "check.h"

static int number;

int main(int count, char** arguments) {
    shmemx_init_attr_t attributes = {0, 0, 1 << 20, NULL, 60, 60, 60};
    if (count < 4) {
        return 2;
    }
    attributes.my_pe = atoi(arguments[1]);
    attributes.n_pes = atoi(arguments[2]);
    attributes.store_url = arguments[3];
    const double begin = shmemx_wtime();
    if (shmemx_init_attr(&attributes) != 0) {
        return 3;
    }
    shmem_int_p(&number, value_of(shmem_my_pe(), 0), right_of(shmem_my_pe()));
    shmem_barrier_all();
    CHECK(number == value_of(left_of(shmem_my_pe()), 0), "it is %d", number);
    const double end = shmemx_wtime();
    CHECK(begin > 0 && end > begin && end < begin + 1000, "%f to %f", begin, end);  // starting takes a while
    if (count > 4) {
        if (shmem_my_pe() == 0) {
            _exit(0);
        }
        shmem_int_wait_until(&number, SHMEM_CMP_EQ, -1);
    }
    done();
    return 0;
}
