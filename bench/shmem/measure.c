// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kSamples = 9 };
static const double kSampleNanoseconds = 4e6;
static const long kMostIterations = 1000000;

static long iterations_of_all;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double timed(operation run, long iterations) {
    const double begin = now();
    run(iterations);
    return now() - begin;
}

static int ascending(const void* left, const void* right) {
    const double a = *(const double*)left;
    const double b = *(const double*)right;
    return (a > b) - (a < b);
}

static void print_median(const char* metric, double* samples, double items) {
    qsort(samples, kSamples, sizeof *samples, ascending);
    printf("%s %.3f\n", metric, samples[kSamples / 2] / items);
    fflush(stdout);
}

static long enough(double nanoseconds_of_one) {
    const double wanted = kSampleNanoseconds / (nanoseconds_of_one > 1 ? nanoseconds_of_one : 1);
    return wanted > (double)kMostIterations ? kMostIterations : wanted < 2 ? 2 : (long)wanted;
}

void measure_alone(const char* metric, operation run, long items_per_iteration) {
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        timed(run, 8);
        const long iterations = enough(timed(run, 8) / 8);
        double samples[kSamples];
        for (int sample = 0; sample < kSamples; ++sample) {
            samples[sample] = timed(run, iterations) / (double)iterations;
        }
        print_median(metric, samples, (double)items_per_iteration);
    }
    shmem_barrier_all();
}

// PE 0 decides how often, so that every PE takes part equally often.
static long agreed(operation run) {
    timed(run, 4);
    shmem_barrier_all();
    const double probe = timed(run, 8) / 8;
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        iterations_of_all = enough(probe);
        for (int pe = 1; pe < shmem_n_pes(); ++pe) {
            shmem_long_p(&iterations_of_all, iterations_of_all, pe);
        }
    }
    shmem_barrier_all();
    return iterations_of_all;
}

void measure_together(const char* metric, operation run) {
    shmem_barrier_all();
    const long iterations = agreed(run);
    double samples[kSamples];
    for (int sample = 0; sample < kSamples; ++sample) {
        samples[sample] = timed(run, iterations) / (double)iterations;
        shmem_barrier_all();
    }
    if (shmem_my_pe() == 0) {
        print_median(metric, samples, 1);
    }
    shmem_barrier_all();
}

void* symmetric(size_t bytes) {
    void* memory = shmem_malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "PE %d: no %zu bytes of symmetric memory\n", shmem_my_pe(), bytes);
        shmem_global_exit(2);
        abort();
    }
    memset(memory, 1, bytes);
    return memory;
}
