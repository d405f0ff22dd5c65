/* SPDX-License-Identifier: Apache-2.0 */
/* PE 0 does to PE 1 what test_observe.py counts. */
#include <shmem.h>
#include <stdint.h>

enum { kWords = 5000, kBytes = 100 };

int main(void) {
    static int64_t word;
    static char block[kBytes];
    shmem_init();
    if (shmem_my_pe() == 0) {
        char bytes[kBytes] = {0};
        for (int64_t i = 0; i < kWords; ++i) {
            shmem_int64_p(&word, i, 1);
        }
        for (int i = 0; i < 3; ++i) {
            shmem_getmem(bytes, block, kBytes, 1);
        }
        for (int i = 0; i < 7; ++i) {
            shmem_int64_atomic_add(&word, 1, 1);
        }
        shmem_putmem(block, bytes, kBytes, 0);
    }
    shmem_barrier_all();
    const int is_wrong = shmem_my_pe() == 1 && word != kWords - 1 + 7;
    shmem_finalize();
    return is_wrong;
}
