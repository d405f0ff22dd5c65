/* SPDX-License-Identifier: Apache-2.0 */
/* late WAIT FILE: all PEs but the last one wait for it, which does not go on before there is that file. */
#include <shmem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int variable;
static long lock;

static void wait_for_file(const char* path) {
    while (access(path, F_OK) != 0) {
        usleep(1000);
    }
}

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    shmem_init();
    const int pes = shmem_n_pes();
    const int is_late = shmem_my_pe() == pes - 1;
    if (is_late && strcmp(argv[1], "lock") == 0) {
        shmem_set_lock(&lock);
    }
    shmem_barrier_all();
    if (is_late) {
        wait_for_file(argv[2]);
    }
    if (strcmp(argv[1], "barrier") == 0) {
        shmem_barrier_all();
    } else if (strcmp(argv[1], "broadcast") == 0) {
        shmem_int_broadcast(SHMEM_TEAM_WORLD, &variable, &variable, 1, pes - 1);
    } else if (strcmp(argv[1], "lock") == 0) {
        if (!is_late) {
            shmem_set_lock(&lock);
        }
        shmem_clear_lock(&lock);
    } else if (is_late) {
        for (int pe = 0; pe < pes; ++pe) {
            shmem_int_p(&variable, 1, pe);
        }
    } else {
        shmem_int_wait_until(&variable, SHMEM_CMP_EQ, 1);
    }
    shmem_finalize();
    return 0;
}
