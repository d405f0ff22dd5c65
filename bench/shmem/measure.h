// SPDX-License-Identifier: Apache-2.0
// How the programs of this folder measure. They use what OpenSHMEM 1.4 and 1.5 share, since the same source
// is compiled by the reference's oshcc as well.
#ifndef BENCH_SHMEM_MEASURE_H
#define BENCH_SHMEM_MEASURE_H

#include <stddef.h>

// Something that is done `iterations` times.
typedef void (*operation)(long iterations);

// Only PE 0 does it, the others wait. PE 0 prints "METRIC NANOSECONDS".
void measure_alone(const char* metric, operation run, long items_per_iteration);

// Every PE does it, equally often. PE 0 prints.
void measure_together(const char* metric, operation run);

// Ends the whole job with a text where there is no room.
void* symmetric(size_t bytes);

void point_to_point(void);
void words(void);
void barriers(void);
void collectives(void);
void over_hosts(void);

#endif
