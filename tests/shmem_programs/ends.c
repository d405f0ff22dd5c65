// SPDX-License-Identifier: Apache-2.0
// Usage: ends return CODE | exit CODE | global CODE | signal NUMBER | print NAME. PE 1 does it, where there
// is one; `print` prints a variable of the environment at every PE.
#include <signal.h>

#include "check.h"

int main(int count, char** words) {
    shmem_init();
    const int number = count > 2 ? atoi(words[2]) : 0;
    const int is_the_one = shmem_my_pe() == 1 % shmem_n_pes();
    if (count == 3 && strcmp(words[1], "print") == 0) {
        const char* value = getenv(words[2]);
        printf("%d %s\n", shmem_my_pe(), value == NULL ? "nothing" : value);
    } else if (count == 3 && is_the_one) {
        if (strcmp(words[1], "return") == 0) {
            return number;
        }
        if (strcmp(words[1], "exit") == 0) {
            exit(number);
        }
        if (strcmp(words[1], "global") == 0) {
            shmem_global_exit(number);
        }
        if (strcmp(words[1], "signal") == 0) {
            raise(number);
        }
    } else if (count == 3) {
        shmem_barrier_all();  // the one does not come
    }
    shmem_finalize();
    return 0;
}
