/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_bm_def.h
 * @brief Types of the big-memory interface.
 */
#ifndef MEMFABRIC_SMEM_BM_DEF_H
#define MEMFABRIC_SMEM_BM_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A checked handle, not a pointer to anything: a stale one is an error, never a crash. */
typedef void* smem_bm_t;

/** Largest value of every timeout, in seconds. */
#define SMEM_BM_TIMEOUT_MAX UINT32_MAX

/** Flags of the copy functions. */
#define ASYNC_COPY_FLAG (1U << 0)      /* returns at once; smem_bm_wait() ends it */
#define COPY_EXTEND_FLAG (1U << 1)     /* accepted, no effect */
#define SMEM_COPY_FLAG_COLD (1U << 16) /* the data is not needed in the caches: copy past them */
#define SMEM_COPY_FLAG_HOT (1U << 17)  /* the data is used soon: copy through the caches */

/** Hints; every value is accepted, and the fastest path that reaches the peer is taken. */
typedef enum {
    SMEMB_DATA_OP_SDMA = 1U << 0,
    SMEMB_DATA_OP_ROCE = 1U << 1,
    SMEMB_DATA_OP_HOST_RDMA = 1U << 1,
    SMEMB_DATA_OP_HOST_TCP = 1U << 2,
    SMEMB_DATA_OP_DEVICE_RDMA = 1U << 3,
    SMEMB_DATA_OP_HOST_URMA = 1U << 4,
    SMEMB_DATA_OP_BUTT
} smem_bm_data_op_type;

/** L: HBM of this process, G: the pool, H: host memory of this process, GH: DRAM of the pool. */
typedef enum {
    SMEMB_COPY_L2G = 0,
    SMEMB_COPY_G2L = 1,
    SMEMB_COPY_G2H = 2,
    SMEMB_COPY_H2G = 3,
    SMEMB_COPY_L2GH = 4,
    SMEMB_COPY_GH2L = 5,
    SMEMB_COPY_GH2H = 6,
    SMEMB_COPY_H2GH = 7,
    SMEMB_COPY_G2G = 8,
    SMEMB_COPY_AUTO = 9, /* the direction is found from the addresses */
    SMEMB_COPY_BUTT
} smem_bm_copy_type;

typedef enum {
    SMEM_MEM_TYPE_LOCAL_DEVICE = 0, /* HBM of the calling rank */
    SMEM_MEM_TYPE_LOCAL_HOST = 1,   /* DRAM of the calling rank */
    SMEM_MEM_TYPE_DEVICE = 2,       /* HBM of any rank */
    SMEM_MEM_TYPE_HOST = 3,         /* DRAM of any rank */
    SMEM_MEM_TYPE_BUTT
} smem_bm_mem_type;

/** Filled by smem_bm_config_init(). Timeouts are seconds, at least 1. */
typedef struct {
    uint32_t initTimeout;   /* of smem_bm_init, default 120 */
    uint32_t createTimeout; /* of smem_bm_create, default 120 */
    /* Of join, leave and everything else that asks the store, default 120. */
    uint32_t controlOperationTimeout;
    /* Rank 0 (under autoRanking: who comes first on the store's host) serves the store; default true. */
    bool startConfigStore;
    bool startConfigStoreOnly; /* serve the store and take no rank; default false */
    bool dynamicWorldSize;     /* ranks come and go, up to 1024; default false: never more than worldSize */
    bool unifiedAddressSpace;  /* must be true, the default */
    bool autoRanking;          /* the store assigns the ranks; default false */
    uint16_t rankId;           /* this rank, where autoRanking is false; default 65535: not set */
    uint32_t flags;            /* reserved, default 0 */
} smem_bm_config_t;

typedef struct {
    const void* src;
    void* dest;
    size_t count; /* bytes */
} smem_copy_params;

/** `height` rows of `width` bytes; row i lies at src + i * spitch and goes to dest + i * dpitch. */
typedef struct {
    const void* src;
    uint64_t spitch;
    void* dest;
    uint64_t dpitch;
    uint64_t width;
    uint64_t height;
} smem_copy_2d_params;

typedef struct {
    void** sources; /* only read */
    void** destinations;
    const uint64_t* dataSizes; /* bytes */
    uint32_t batchSize;
} smem_batch_copy_params;

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_BM_DEF_H */
