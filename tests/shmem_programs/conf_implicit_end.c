// SPDX-License-Identifier: Apache-2.0
// Implicit finalization, deprecated: a program of before 1.2 returns from main, and has used what such
// programs use: locks, and collectives of active sets.
#include "check.h"

static long psync[2][SHMEM_SYNC_SIZE];
static double work[SHMEM_REDUCE_MIN_WRKDATA_SIZE];
static long lock;
static long counter;
static long last;

static void collectives(int me, int pes) {
    static double sum;
    static double own;
    static int32_t all[8];
    static int32_t mine;
    own = me;
    mine = (int32_t)value_of(me, 0);
    shmem_double_sum_to_all(&sum, &own, 1, 0, 0, pes, work, psync[0]);
    CHECK(sum == pes * (pes - 1) / 2.0, "the sum is %f", sum);
    shmem_fcollect32(all, &mine, 1, 0, 0, pes, psync[1]);
    for (int pe = 0; pe < pes; ++pe) {
        CHECK(all[pe] == value_of(pe, 0), "of PE %d: %d", pe, (int)all[pe]);
    }
    if (me % 2 == 0) {  // another set
        shmem_barrier(0, 1, (pes + 1) / 2, psync[0]);
    }
}

int main(void) {
    start_pes(0);
    const int me = _my_pe();
    const int pes = _num_pes();
    collectives(me, pes);
    shmem_set_lock(&lock);
    shmem_long_p(&counter, shmem_long_g(&counter, 0) + 1, 0);
    shmem_clear_lock(&lock);
    shmem_barrier_all();
    if (me == 0) {
        CHECK(counter == pes, "%ld", counter);
        printf("ok\n");
    }
    // The last thing that a PE has begun is done before the others end.
    shmem_long_put_nbi(&last, &counter, 1, right_of(me));
    return 0;
}
