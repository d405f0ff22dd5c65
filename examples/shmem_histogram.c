// SPDX-License-Identifier: Apache-2.0
// A histogram whose bins lie on all PEs: each PE counts its own numbers into them by atomics.
//
//     build/release/bin/oshcc examples/shmem_histogram.c -o histogram && build/release/bin/oshrun -np 4
//     ./histogram
#include <shmem.h>
#include <stdio.h>

enum { kBinsOfOne = 16, kNumbers = 20000 };

static long bins[kBinsOfOne];  // PE p has the bins from p * kBinsOfOne on
static long counted;
static long counted_by_all;

// A small generator, so that every PE has its own numbers, and the same in every run.
static unsigned next_number(unsigned* state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

int main(void) {
    shmem_init();
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    unsigned state = (unsigned)me + 1;
    for (int i = 0; i < kNumbers; ++i) {
        const int bin = (int)(next_number(&state) % (unsigned)(pes * kBinsOfOne));
        shmem_long_atomic_inc(&bins[bin % kBinsOfOne], bin / kBinsOfOne);
    }
    shmem_barrier_all();
    for (int i = 0; i < kBinsOfOne; ++i) {
        counted += bins[i];
    }
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, &counted_by_all, &counted, 1);
    const int wrong = counted_by_all != (long)pes * kNumbers;
    if (me == 0) {
        printf("%ld numbers in %d bins on %d PEs, %s\n", counted_by_all, pes * kBinsOfOne, pes,
               wrong ? "wrong" : "all there");
    }
    shmem_finalize();
    return wrong;
}
