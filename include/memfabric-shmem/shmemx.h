/* SPDX-License-Identifier: Apache-2.0 */
/* What this implementation has beside OpenSHMEM. */
#ifndef MEMFABRIC_SHMEMX_H
#define MEMFABRIC_SHMEMX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For programs that are started by other means than oshrun. */
typedef struct {
    int my_pe;
    int n_pes;
    uint64_t heap_size;    /* bytes a PE; 0: SHMEM_SYMMETRIC_SIZE, or the default */
    const char* store_url; /* tcp://host:port of the config store, which PE 0 serves where nobody does; NULL:
                              as for shmem_init */
    uint32_t init_timeout; /* seconds; 0: 120 */
    uint32_t create_timeout;
    uint32_t operation_timeout;
} shmemx_init_attr_t;

/* Like shmem_init_thread(SHMEM_THREAD_MULTIPLE), but fails with a negative code and smem_get_last_err_msg().
 */
int shmemx_init_attr(const shmemx_init_attr_t* attributes);

/* 0: not initialized; 2: initialized. */
int shmemx_init_status(void);

/* Seconds since some moment of the past, of a clock that nobody sets; also before shmem_init. */
double shmemx_wtime(void);

#ifdef __cplusplus
}
#endif

#endif
