/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled as C11 and as C++: sizes, offsets and values that programs of the existing implementation were
 * built with. */
#ifndef MEMFABRIC_TESTS_LAYOUT_H
#define MEMFABRIC_TESTS_LAYOUT_H

#include "smem.h"
#include "smem_bm.h"
#include "smem_bm_def.h"
#include "smem_error.h"
#include "smem_security.h"
#include "smem_shm.h"
#include "smem_shm_def.h"
#include "smem_trans.h"
#include "smem_trans_def.h"

#ifdef __cplusplus
#define CHECK(condition) static_assert(condition, #condition)
#else
#define CHECK(condition) _Static_assert(condition, #condition)
#endif
#define VALUE(name, value) CHECK((name) == (value))
#define FIELD(type, field, offset, bytes) \
    CHECK(offsetof(type, field) == (offset) && sizeof(((type*)0)->field) == (bytes))

VALUE(SM_OK, 0);
VALUE(SM_ERROR, -1);
VALUE(SM_STORE_INVALID_MESSAGE, -400);
VALUE(SM_STORE_INVALID_KEY, -401);
VALUE(SM_STORE_NOT_EXIST, -404);
VALUE(SM_STORE_TIMEOUT, -601);
VALUE(SM_STORE_SOCKET, -602);
VALUE(SM_INVALID_PARAM, -2000);
VALUE(SM_MALLOC_FAILED, -2001);
VALUE(SM_NEW_OBJECT_FAILED, -2002);
VALUE(SM_NOT_STARTED, -2003);
VALUE(SM_TIMEOUT, -2004);
VALUE(SM_REPEAT_CALL, -2005);
VALUE(SM_DUPLICATED_OBJECT, -2006);
VALUE(SM_OBJECT_NOT_EXISTS, -2007);
VALUE(SM_NOT_INITIALIZED, -2008);
VALUE(SM_RESOURCE_IN_USE, -2009);
VALUE(SM_RECONNECT, -2010);
VALUE(SM_GET_OBJECT, -2011);
VALUE(SM_PEER_LOST, -2012);
VALUE(SM_EVICTED, -2013);
VALUE(SM_NOT_SUPPORTED, -2014);
VALUE(SM_REFUSED, -2015);

VALUE(SMEM_BM_TIMEOUT_MAX, UINT32_MAX);
VALUE(ASYNC_COPY_FLAG, 1);
VALUE(COPY_EXTEND_FLAG, 2);
VALUE(SMEMB_DATA_OP_SDMA, 1);
VALUE(SMEMB_DATA_OP_ROCE, 2);
VALUE(SMEMB_DATA_OP_HOST_RDMA, 2);
VALUE(SMEMB_DATA_OP_HOST_TCP, 4);
VALUE(SMEMB_DATA_OP_DEVICE_RDMA, 8);
VALUE(SMEMB_DATA_OP_HOST_URMA, 16);
VALUE(SMEMB_COPY_L2G, 0);
VALUE(SMEMB_COPY_G2L, 1);
VALUE(SMEMB_COPY_G2H, 2);
VALUE(SMEMB_COPY_H2G, 3);
VALUE(SMEMB_COPY_L2GH, 4);
VALUE(SMEMB_COPY_GH2L, 5);
VALUE(SMEMB_COPY_GH2H, 6);
VALUE(SMEMB_COPY_H2GH, 7);
VALUE(SMEMB_COPY_G2G, 8);
VALUE(SMEMB_COPY_AUTO, 9);
VALUE(SMEMB_COPY_BUTT, 10);
VALUE(SMEM_MEM_TYPE_LOCAL_DEVICE, 0);
VALUE(SMEM_MEM_TYPE_LOCAL_HOST, 1);
VALUE(SMEM_MEM_TYPE_DEVICE, 2);
VALUE(SMEM_MEM_TYPE_HOST, 3);

CHECK(sizeof(smem_bm_t) == sizeof(void*));
CHECK(sizeof(smem_bm_config_t) == 24);
FIELD(smem_bm_config_t, initTimeout, 0, 4);
FIELD(smem_bm_config_t, createTimeout, 4, 4);
FIELD(smem_bm_config_t, controlOperationTimeout, 8, 4);
FIELD(smem_bm_config_t, startConfigStore, 12, 1);
FIELD(smem_bm_config_t, startConfigStoreOnly, 13, 1);
FIELD(smem_bm_config_t, dynamicWorldSize, 14, 1);
FIELD(smem_bm_config_t, unifiedAddressSpace, 15, 1);
FIELD(smem_bm_config_t, autoRanking, 16, 1);
FIELD(smem_bm_config_t, rankId, 18, 2);
FIELD(smem_bm_config_t, flags, 20, 4);

CHECK(sizeof(smem_copy_params) == 24);
FIELD(smem_copy_params, src, 0, 8);
FIELD(smem_copy_params, dest, 8, 8);
FIELD(smem_copy_params, count, 16, 8);

CHECK(sizeof(smem_copy_2d_params) == 48);
FIELD(smem_copy_2d_params, src, 0, 8);
FIELD(smem_copy_2d_params, spitch, 8, 8);
FIELD(smem_copy_2d_params, dest, 16, 8);
FIELD(smem_copy_2d_params, dpitch, 24, 8);
FIELD(smem_copy_2d_params, width, 32, 8);
FIELD(smem_copy_2d_params, height, 40, 8);

CHECK(sizeof(smem_batch_copy_params) == 32);
FIELD(smem_batch_copy_params, sources, 0, 8);
FIELD(smem_batch_copy_params, destinations, 8, 8);
FIELD(smem_batch_copy_params, dataSizes, 16, 8);
FIELD(smem_batch_copy_params, batchSize, 24, 4);

VALUE(SMEM_SHM_TIMEOUT_MAX, UINT32_MAX);
VALUE(SMEMS_DATA_OP_MTE, 1);
VALUE(SMEMS_DATA_OP_SDMA, 2);
VALUE(SMEMS_DATA_OP_ROCE, 4);
VALUE(SMEMS_DATA_OP_RDMA, 4);

CHECK(sizeof(smem_shm_t) == sizeof(void*));
CHECK(sizeof(smem_shm_config_t) == 20);
FIELD(smem_shm_config_t, shmInitTimeout, 0, 4);
FIELD(smem_shm_config_t, shmCreateTimeout, 4, 4);
FIELD(smem_shm_config_t, controlOperationTimeout, 8, 4);
FIELD(smem_shm_config_t, startConfigStore, 12, 1);
FIELD(smem_shm_config_t, flags, 16, 4);

VALUE(SMEM_TRANS_NONE, 0);
VALUE(SMEM_TRANS_SENDER, 1);
VALUE(SMEM_TRANS_RECEIVER, 2);
VALUE(SMEM_TRANS_BOTH, 3);
VALUE(SMEM_TRANS_BUTT, 4);

CHECK(sizeof(smem_trans_t) == sizeof(void*));
CHECK(sizeof(smem_trans_config_t) == 16);
FIELD(smem_trans_config_t, role, 0, 4);
FIELD(smem_trans_config_t, initTimeout, 4, 4);
FIELD(smem_trans_config_t, deviceId, 8, 4);
FIELD(smem_trans_config_t, flags, 12, 4);

#endif /* MEMFABRIC_TESTS_LAYOUT_H */
