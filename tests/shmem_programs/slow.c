/* SPDX-License-Identifier: Apache-2.0 */
/* PE 0 puts to PE 1 what it takes milliseconds to read: enough of them that one is looked at. */
#define _GNU_SOURCE
#include <shmem.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

enum { kQuick = 1000, kSlow = 48, kBytes = 100, kPage = 4096 };

static char* page;

static void let_in_late(int number) {
    const struct timespec shortly = {0, 3000000};
    (void)number;
    nanosleep(&shortly, NULL);
    mprotect(page, kPage, PROT_READ);
}

int main(void) {
    static char block[kBytes];
    page = mmap(NULL, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, let_in_late);
    shmem_init();
    if (shmem_my_pe() == 0) {
        for (int i = 0; i < kQuick + kSlow; ++i) {
            if (i >= kQuick) {
                mprotect(page, kPage, PROT_NONE);
            }
            shmem_putmem(block, page, kBytes, 1);
        }
    }
    shmem_barrier_all();
    shmem_finalize();
    return 0;
}
