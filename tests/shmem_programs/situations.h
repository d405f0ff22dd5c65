// SPDX-License-Identifier: Apache-2.0
// A program of situations: each is what one example of the specification illustrates, in our own words.
// Usage: PROGRAM NAME; without a name it prints the names.
#ifndef SHMEM_PROGRAMS_SITUATIONS_H
#define SHMEM_PROGRAMS_SITUATIONS_H

#include "check.h"

struct Situation {
    const char* name;
    void (*run)(void);
    int starts_itself;  // calls shmem_init and shmem_finalize
};

static inline int run_situation(const struct Situation* situations, size_t count, int arguments,
                                char** words) {
    for (size_t i = 0; i < count; ++i) {
        if (arguments < 2) {
            printf("%s\n", situations[i].name);
        } else if (strcmp(words[1], situations[i].name) == 0) {
            if (situations[i].starts_itself) {
                situations[i].run();
                return 0;
            }
            shmem_init();
            situations[i].run();
            done();
            return 0;
        }
    }
    return arguments < 2 ? 0 : 2;
}

#define RUN_SITUATION(situations) \
    run_situation(situations, sizeof(situations) / sizeof *(situations), arguments, words)

#endif
