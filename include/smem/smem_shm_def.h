/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_shm_def.h
 * @brief Types of the shared-memory interface.
 */
#ifndef MEMFABRIC_SMEM_SHM_DEF_H
#define MEMFABRIC_SMEM_SHM_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A checked handle, not a pointer to anything: a stale one is an error, never a crash. */
typedef void* smem_shm_t;

/** Largest value of every timeout, in seconds. */
#define SMEM_SHM_TIMEOUT_MAX UINT32_MAX

/**
 * Ways to reach a rank's memory; bits of the masks of topology_can_reach and query_support_data_operation.
 */
typedef enum {
    SMEMS_DATA_OP_MTE = 1U << 0,  /* loads and stores of the processor */
    SMEMS_DATA_OP_SDMA = 1U << 1, /* copy engine */
    SMEMS_DATA_OP_ROCE = 1U << 2, /* network fabric */
    SMEMS_DATA_OP_RDMA = 1U << 2, /* another name of the same bit */
    SMEMS_DATA_OP_BUTT
} smem_shm_data_op_type;

/** Filled by smem_shm_config_init(). Timeouts are seconds, at least 1. */
typedef struct {
    uint32_t shmInitTimeout;          /* of smem_shm_init, default 120 */
    uint32_t shmCreateTimeout;        /* of smem_shm_create, default 120 */
    uint32_t controlOperationTimeout; /* of barrier, allgather and everything else that asks the store,
                                         default 120 */
    bool startConfigStore;            /* rank 0 serves the store; default true */
    uint32_t flags;                   /* reserved, default 0 */
} smem_shm_config_t;

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_SHM_DEF_H */
