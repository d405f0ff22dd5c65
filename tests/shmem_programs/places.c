// SPDX-License-Identifier: Apache-2.0
// PE 0 prints for each PE which others' memory it has pointers to: a line "1100" of 4 PEs' first says that PE
// 0 has them to PEs 0 and 1.
#include "check.h"

enum { kMost = 64 };

static char rows[kMost][kMost];
static long number;

int main(void) {
    shmem_init();
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    char row[kMost] = "";
    shmem_barrier_all();
    for (int pe = 0; pe < pes; ++pe) {
        long* const pointer = (long*)shmem_ptr(&number, pe);
        row[pe] = pointer == NULL ? '0' : '1';
        CHECK(shmem_pe_accessible(pe) == 1 && shmem_addr_accessible(&number, pe) == 1, "PE %d", pe);
        CHECK(shmem_addr_accessible(row, pe) == 0 && shmem_ptr(row, pe) == NULL, "the stack at PE %d", pe);
        if (pointer != NULL) {
            __atomic_fetch_add(pointer, 1L << me, __ATOMIC_SEQ_CST);
        } else {
            shmem_long_atomic_add(&number, 1L << me, pe);
        }
    }
    CHECK(shmem_ptr(&number, pes) == NULL && shmem_pe_accessible(pes) == 0, "a PE that there is not");
    shmem_putmem(rows[me], row, (size_t)pes, 0);
    shmem_barrier_all();
    CHECK(number == (1L << pes) - 1, "pointers and atomics together give %lx", number);
    for (int pe = 0; me == 0 && pe < pes; ++pe) {
        printf("%s\n", rows[pe]);
    }
    shmem_barrier_all();
    done();
    return 0;
}
