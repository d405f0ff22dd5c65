/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_trans_def.h
 * @brief Types of the transfer interface.
 */
#ifndef MEMFABRIC_SMEM_TRANS_DEF_H
#define MEMFABRIC_SMEM_TRANS_DEF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A checked handle, not a pointer to anything: a stale one is an error, never a crash. */
typedef void* smem_trans_t;

/** A hint; every role may register memory and may write and read. */
typedef enum {
    SMEM_TRANS_NONE = 0,
    SMEM_TRANS_SENDER = 1,
    SMEM_TRANS_RECEIVER = 2,
    SMEM_TRANS_BOTH = 3,
    SMEM_TRANS_BUTT
} smem_trans_role_t;

/** Filled by smem_trans_config_init(). */
typedef struct {
    smem_trans_role_t role; /* default SMEM_TRANS_NONE */
    uint32_t initTimeout;   /* of smem_trans_create, in seconds, at least 1; default 120 */
    uint32_t deviceId;      /* default UINT32_MAX: none */
    uint32_t flags;         /* reserved, default 0 */
} smem_trans_config_t;

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_TRANS_DEF_H */
