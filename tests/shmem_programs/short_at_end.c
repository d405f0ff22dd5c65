/* SPDX-License-Identifier: Apache-2.0 */
/* shmem_finalize while there is no address space left. "back": it comes back 0.3 s later, and the program's
 * own variables keep what they had. "never": the job ends with a word. */
#include <pthread.h>
#include <shmem.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { kWords = 1 << 20 };

static long g_words[kWords];

static unsigned long bytes_mapped(void) {
    unsigned long pages = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1) {
        return 0;
    }
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

static void* give_back_later(void* unused) {
    const struct timespec moment = {0, 300000000};
    nanosleep(&moment, NULL);
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &limit);
    return unused;
}

int main(int count, char** arguments) {
    if (count != 2) {
        return 2;
    }
    shmem_init();
    for (long i = 0; i < kWords; ++i) {
        g_words[i] = i * 7 + shmem_my_pe();
    }
    const int me = shmem_my_pe();
    shmem_barrier_all();
    const struct rlimit limit = {bytes_mapped(), RLIM_INFINITY};
    if (strcmp(arguments[1], "back") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, give_back_later, NULL);
        pthread_detach(thread);
    }
    setrlimit(RLIMIT_AS, &limit);
    shmem_finalize();
    for (long i = 0; i < kWords; ++i) {
        if (g_words[i] != i * 7 + me) {
            return 3;
        }
    }
    fprintf(stderr, "kept\n");
    return 0;
}
