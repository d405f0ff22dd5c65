/* SPDX-License-Identifier: Apache-2.0 */
/* `FILE`: works until the file is there: memory that comes and goes, puts around the ring, every byte
 * checked. PE 0 says "working" once all have begun, and at the end "ok". */
#include <shmem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { kBytes = 40000 };

static int work_once(int round, int me, int pes) {
    unsigned char* place = shmem_malloc(kBytes);
    unsigned char own[kBytes];
    memset(own, (round + me) & 0xff, sizeof own);
    shmem_putmem(place, own, sizeof own, (me + 1) % pes);
    shmem_barrier_all();
    const unsigned char wanted = (unsigned char)(round + (me + pes - 1) % pes);
    int right = place[0] == wanted && memcmp(place, place + 1, kBytes - 1) == 0;
    shmem_barrier_all();
    shmem_free(place);
    return right;
}

int main(int count, char** words) {
    if (count != 2) {
        return 2;
    }
    static int ended;
    static int told;
    shmem_init();
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    for (int round = 0; told == 0; ++round) {
        if (!work_once(round, me, pes)) {
            fprintf(stderr, "PE %d: wrong bytes in round %d\n", me, round);
            shmem_global_exit(1);
        }
        if (round == 0 && me == 0) {
            puts("working");
            fflush(stdout);
        }
        ended = access(words[1], F_OK) == 0;
        shmem_int_broadcast(SHMEM_TEAM_WORLD, &told, &ended, 1, 0);
    }
    if (me == 0) {
        puts("ok");
        fflush(stdout);
    }
    shmem_finalize();
    return 0;
}
