// SPDX-License-Identifier: Apache-2.0
// From init to finalize: prints when this PE began and ended, on the clock that all processes of a host
// share.
#include <shmem.h>
#include <stdio.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(void) {
    const long long begin = now();
    shmem_init();
    shmem_barrier_all();
    shmem_finalize();
    printf("started %lld %lld\n", begin, now());
    return 0;
}
