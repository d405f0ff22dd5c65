/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_bm.h
 * @brief BM, big memory: the DRAM and HBM of all ranks as one pool behind global virtual addresses (GVA).
 *
 * A GVA is the same number in every process. Rank r's region begins at (address of rank 0) + r *
 * smem_bm_get_local_mem_size(): its HBM part, then its DRAM part. On the same host a GVA of a joined rank is
 * an ordinary pointer; memory of other hosts is reached by the copy functions. General rules as in smem.h.
 */
#ifndef MEMFABRIC_SMEM_BM_H
#define MEMFABRIC_SMEM_BM_H

#include "smem.h"
#include "smem_bm_def.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Fills `config` with the defaults that smem_bm_config_t names. SM_INVALID_PARAM where it is NULL. */
int32_t smem_bm_config_init(smem_bm_config_t* config);

/**
 * @brief Connects to the config store (or starts it), takes a rank, reserves the address space. Blocks up to
 * initTimeout.
 *
 * A second call while initialised returns 0 and changes nothing.
 * @param storeURL "tcp://host:port"
 * @param worldSize 1 to 1024
 * @param deviceId orders the ranks of one host under autoRanking; chooses the device where there are several
 * @return 0; SM_INVALID_PARAM; SM_DUPLICATED_OBJECT where the rank is taken; SM_STORE_SOCKET where no store
 * can be reached; SM_STORE_INVALID_MESSAGE where something else answers; SM_TIMEOUT where the world does not
 * become complete; SM_MALLOC_FAILED where the address range is taken (the text names by what)
 */
int32_t smem_bm_init(const char* storeURL, uint32_t worldSize, uint16_t deviceId,
                     const smem_bm_config_t* config);

/**
 * @brief Leaves and destroys what is left, says goodbye to the store. Bounded; a second call does nothing.
 */
void smem_bm_uninit(uint32_t flags);

/** @brief This process's rank; UINT32_MAX before init. Does not block. */
uint32_t smem_bm_get_rank_id(void);

/**
 * @brief Creates this rank's handle of object `id`: a window of the address space, the same at every rank.
 * Waits for no other rank's call.
 * @param id 0 to 63
 * @param memberSize 1 to worldSize (1 to 1024 in a world with dynamicWorldSize): at most that many ranks may
 * join; 0: as many as the world has
 * @param dataOpType a hint
 * @param localDRAMSize, localHBMSize bytes that each rank contributes: multiples of 2 MiB, not both 0, the
 * same at every rank; the limit is option MF_MAX_REGION_SIZE. Memory is taken at join.
 * @param flags reserved
 * @return a handle, NULL on failure
 */
smem_bm_t smem_bm_create(uint32_t id, uint32_t memberSize, smem_bm_data_op_type dataOpType,
                         uint64_t localDRAMSize, uint64_t localHBMSize, uint32_t flags);

/**
 * @brief Leaves if joined, and gives the handle up. Waits for copies that run. NULL and stale handles are
 * ignored.
 */
void smem_bm_destroy(smem_bm_t handle);

/**
 * @brief Contributes this rank's memory (zeroed) and lets it copy. Blocks up to controlOperationTimeout.
 * @param localGvaAddress out, may be NULL: address of the caller's own region
 * @return 0, also where already joined; SM_REFUSED where memberSize ranks are in; SM_MALLOC_FAILED where the
 * memory cannot be had
 */
int32_t smem_bm_join(smem_bm_t handle, uint32_t flags, void** localGvaAddress);

/**
 * @brief Takes this rank's memory out of the pool and gives it back. Copies of this process that run are
 * waited for; from then on copies that touch it are refused at every rank, and those that other ranks have
 * under way fail. Pointers into it stay valid and read zeros. Joining again is possible.
 * @return 0; SM_NOT_STARTED where not joined; SM_EVICTED where the others had given this process up
 */
int32_t smem_bm_leave(smem_bm_t handle, uint32_t flags);

/** @brief Bytes that this rank contributes: DRAM and HBM together; 0 on failure. */
uint64_t smem_bm_get_local_mem_size(smem_bm_t handle);

/** @brief The part of one kind of memory; 0 on failure. */
uint64_t smem_bm_get_local_mem_size_by_mem_type(smem_bm_t handle, smem_bm_mem_type memType);

/**
 * @brief Address of a rank's region, whether it has joined or not; NULL for a rank outside the world. Does
 * not block. It is a pointer where the rank lives on the caller's host. The memory of a rank on another host
 * is reached by smem_bm_copy and its like alone: a load through such an address gives zeros (or what an
 * earlier stray store left on this host), a store changes nothing of that rank's; neither faults.
 */
void* smem_bm_ptr(smem_bm_t handle, uint16_t peerRankId);

/**
 * @brief Address of a rank's memory of one kind; NULL where it has none. For the LOCAL types peerRankId is
 * ignored. What smem_bm_ptr says of ranks on other hosts holds here.
 */
void* smem_bm_ptr_by_mem_type(smem_bm_t handle, smem_bm_mem_type memType, uint16_t peerRankId);

/** @brief The rank whose region holds `gva`; UINT32_MAX where none does. */
uint32_t smem_bm_get_rank_id_by_gva(smem_bm_t handle, void* gva);

/**
 * @brief Copies `count` bytes. When it returns 0 they are in the destination.
 *
 * The global side must lie in regions of joined ranks; it may straddle several and may touch the last byte.
 * The ranges must not overlap. With ASYNC_COPY_FLAG it returns once queued, and the memory must stay as it is
 * until smem_bm_wait().
 * @return 0; SM_INVALID_PARAM; SM_NOT_STARTED where the caller has not joined; SM_PEER_LOST where a rank of
 * the global side is not (or no longer) joined; SM_EVICTED where the others had given this process up
 */
int32_t smem_bm_copy(smem_bm_t handle, smem_copy_params* params, smem_bm_copy_type t, uint32_t flags);

/** @brief Copies rows. Pitches must not be smaller than the width. Otherwise as smem_bm_copy(). */
int32_t smem_bm_copy_2d(smem_bm_t handle, smem_copy_2d_params* params, smem_bm_copy_type t, uint32_t flags);

/** @brief Copies pieces; all are checked before the first is copied. Otherwise as smem_bm_copy(). */
int32_t smem_bm_copy_batch(smem_bm_t handle, smem_batch_copy_params* params, smem_bm_copy_type t,
                           uint32_t flags);

/**
 * @brief Waits until all asynchronous copies of this handle that were queued before have ended. Blocks up to
 *        controlOperationTimeout.
 * @return 0; the code of the first that failed since the last wait
 */
int32_t smem_bm_wait(smem_bm_t handle);

/**
 * @brief Tells of memory that copies will use as their local side. Never required; makes copies to other
 * hosts cheaper.
 */
int32_t smem_bm_register_user_mem(smem_bm_t handle, uint64_t addr, uint64_t size);

/**
 * @brief Undoes smem_bm_register_user_mem() of the same address. SM_OBJECT_NOT_EXISTS where there was none.
 */
int32_t smem_bm_unregister_user_mem(uint64_t addr);

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_BM_H */
