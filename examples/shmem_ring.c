// SPDX-License-Identifier: Apache-2.0
// A token goes round all PEs, each adds its number, by puts with a signal.
//
//     build/release/bin/oshcc examples/shmem_ring.c -o ring && build/release/bin/oshrun -np 4 ./ring
#include <shmem.h>
#include <stdio.h>

static long token;         // static data is symmetric: every PE can write it at every other one
static uint64_t arrivals;  // how often the token has come by

int main(void) {
    shmem_init();
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    const int right = (me + 1) % pes;
    const uint64_t rounds = 3;
    for (uint64_t round = 1; round <= rounds; ++round) {
        if (me != 0) {
            shmem_signal_wait_until(&arrivals, SHMEM_CMP_GE, round);
        }
        const long next = token + me;
        shmem_long_put_signal(&token, &next, 1, &arrivals, 1, SHMEM_SIGNAL_ADD, right);
        if (me == 0) {
            shmem_signal_wait_until(&arrivals, SHMEM_CMP_GE, round);
        }
    }
    const long wanted = (long)rounds * pes * (pes - 1) / 2;
    const int wrong = me == 0 && token != wanted;
    if (me == 0) {
        printf("after %d rounds of %d PEs the token is %ld, %s\n", (int)rounds, pes, token,
               wrong ? "wrong" : "right");
    }
    shmem_finalize();
    return wrong;
}
