// SPDX-License-Identifier: Apache-2.0
// Heat spreads over a plate whose rows are shared out among the PEs; in every step each puts its border rows
// into its neighbours' halos. PE 0 computes the whole plate too, and compares.
//
//     build/release/bin/oshcc examples/shmem_heat.c -o heat && build/release/bin/oshrun -np 4 ./heat
#include <math.h>
#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kRows = 64, kColumns = 98, kSteps = 200 };  // columns with those of the frame

typedef double Row[kColumns];

static void step(Row* next, Row* plate, int rows) {
    for (int row = 1; row <= rows; ++row) {
        for (int column = 1; column < kColumns - 1; ++column) {
            next[row][column] = (plate[row - 1][column] + plate[row + 1][column] + plate[row][column - 1] +
                                 plate[row][column + 1]) /
                                4;
        }
    }
}

static void heat_upper_edge(Row* plate) {
    for (int column = 0; column < kColumns; ++column) {
        plate[0][column] = 100;
    }
}

static void compute_shared(Row* plate, Row* next, int rows) {
    const int me = shmem_my_pe();
    for (int i = 0; i < kSteps; ++i) {
        if (me > 0) {
            shmem_double_put(plate[rows + 1], plate[1], kColumns, me - 1);
        }
        if (me < shmem_n_pes() - 1) {
            shmem_double_put(plate[0], plate[rows], kColumns, me + 1);
        }
        shmem_barrier_all();  // all halos are in place
        step(next, plate, rows);
        shmem_barrier_all();  // nobody reads the old rows any more
        memcpy(plate[1], next[1], (size_t)rows * sizeof(Row));
    }
}

static double largest_difference(Row* result) {
    Row* plate = (Row*)calloc(kRows + 2, sizeof(Row));
    Row* next = (Row*)calloc(kRows + 2, sizeof(Row));
    double largest = plate == NULL || next == NULL ? INFINITY : 0;
    if (largest == 0) {
        heat_upper_edge(plate);
        for (int i = 0; i < kSteps; ++i) {
            step(next, plate, kRows);
            memcpy(plate[1], next[1], kRows * sizeof(Row));
        }
        for (int row = 0; row < kRows; ++row) {
            for (int column = 0; column < kColumns; ++column) {
                largest = fmax(largest, fabs(plate[row + 1][column] - result[row][column]));
            }
        }
    }
    free(next);
    free(plate);
    return largest;
}

int main(void) {
    shmem_init();
    const int pes = shmem_n_pes();
    const int rows = kRows / pes;
    if (rows * pes != kRows) {
        fprintf(stderr, "%d rows are no equal parts for %d PEs\n", kRows, pes);
        shmem_global_exit(2);
    }
    Row* plate = (Row*)shmem_calloc((size_t)rows + 2, sizeof(Row));
    Row* next = (Row*)calloc((size_t)rows + 2, sizeof(Row));
    Row* result = (Row*)shmem_malloc(kRows * sizeof(Row));
    if (plate == NULL || next == NULL || result == NULL) {
        shmem_global_exit(3);
    }
    if (shmem_my_pe() == 0) {
        heat_upper_edge(plate);
    }
    compute_shared(plate, next, rows);
    shmem_double_fcollect(SHMEM_TEAM_WORLD, result[0], plate[1], (size_t)rows * kColumns);
    int wrong = 0;
    if (shmem_my_pe() == 0) {
        const double difference = largest_difference(result);
        wrong = difference > 1e-12;
        printf("%d steps on %d PEs: largest difference from one process %.1e\n", kSteps, pes, difference);
    }
    shmem_free(result);
    shmem_free(plate);
    free(next);
    shmem_finalize();
    return wrong;
}
