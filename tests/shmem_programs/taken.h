/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the job has: all PEs of a host share one memfd. (mincore() does not see pages that are
 * allocated but were never touched.) */
#ifndef TAKEN_H
#define TAKEN_H

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { kDescriptors = 256, kBlockSize = 512 };

static size_t bytes_taken(void) {
    size_t largest = 0;
    for (int number = 0; number < kDescriptors; ++number) {
        char link[64];
        char target[64];
        struct stat facts;
        snprintf(link, sizeof link, "/proc/self/fd/%d", number);
        const ssize_t length = readlink(link, target, sizeof target);
        if (length > 7 && memcmp(target, "/memfd:", 7) == 0 && fstat(number, &facts) == 0) {
            const size_t taken = (size_t)facts.st_blocks * kBlockSize;
            largest = taken > largest ? taken : largest;
        }
    }
    CHECK(largest != 0, "no segment is found");
    return largest;
}

#endif
