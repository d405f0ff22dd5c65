// SPDX-License-Identifier: Apache-2.0
// Usage: bench_shmem points|words|barriers|collectives|over_hosts, started by an oshrun.
#include <shmem.h>
#include <stdio.h>
#include <string.h>

#include "measure.h"

int main(int count, char** arguments) {
    shmem_init();
    const char* part = count == 2 ? arguments[1] : "";
    int status = 0;
    if (strcmp(part, "points") == 0) {
        point_to_point();
    } else if (strcmp(part, "words") == 0) {
        words();
    } else if (strcmp(part, "barriers") == 0) {
        barriers();
    } else if (strcmp(part, "collectives") == 0) {
        collectives();
    } else if (strcmp(part, "over_hosts") == 0) {
        over_hosts();
    } else {
        fprintf(stderr, "usage: %s points|words|barriers|collectives|over_hosts\n", arguments[0]);
        status = 2;
    }
    shmem_finalize();
    return status;
}
