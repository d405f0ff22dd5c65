/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_shm.h
 * @brief SHM, shared memory: memory of the same size at every rank, with barrier, allgather, reachability
 *        and exit broadcast.
 *
 * Rank r's memory begins at the object's address + r * symmetricSize, the same number in every process. That
 * of ranks on the same host is ordinary memory there; that of ranks on other hosts is not mapped, and is
 * reached by smem_shm_put() and smem_shm_get() alone.
 *
 * General rules as in smem.h. "Collective" means: every rank of the object calls it, in the same order, and
 * it returns when all have come.
 */
#ifndef MEMFABRIC_SMEM_SHM_H
#define MEMFABRIC_SMEM_SHM_H

#include "smem.h"
#include "smem_shm_def.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Fills `config` with the defaults that smem_shm_config_t names. SM_INVALID_PARAM where it is NULL.
 */
int32_t smem_shm_config_init(smem_shm_config_t* config);

/**
 * @brief Connects to the config store (rank 0 starts it where startConfigStore is set), reserves the address
 * space. Blocks up to shmInitTimeout. A second call while initialised returns 0 and changes nothing.
 * @param configStoreIpPort "tcp://host:port"
 * @param worldSize 1 to 1024
 * @param rankId this process's rank, below worldSize
 * @param deviceId chooses the device where there are several
 * @return 0; SM_INVALID_PARAM; SM_DUPLICATED_OBJECT where the rank is taken; SM_TIMEOUT where the store does
 * not answer
 */
int32_t smem_shm_init(const char* configStoreIpPort, uint32_t worldSize, uint32_t rankId, uint16_t deviceId,
                      smem_shm_config_t* config);

/** @brief Destroys what is left, says goodbye to the store. Bounded; a second call does nothing. */
void smem_shm_uninit(uint32_t flags);

/**
 * @brief Mask of smem_shm_data_op_type: what this machine can do at all. SMEMS_DATA_OP_ROCE where SHM is
 * initialized and other hosts can be reached, which the first call may have to find out (0.2 s).
 */
uint32_t smem_shm_query_support_data_operation(void);

/**
 * @brief Creates object `id` and this rank's memory (zeroed) in it. Collective; blocks up to
 * shmCreateTimeout. Several threads may create different objects at once.
 *
 * The ranks compare what they ask for: where they disagree about rankSize, symmetricSize or who has which
 * rank, or where one asks for what cannot be, the call fails at every rank, and its text says who said what.
 * Where a rank is lost or has no memory the call fails at every rank too. All may then create the object
 * again.
 * @param id 0 to 63, the same at every rank of the object; objects that exist at the same time have different
 * ids, also those of different ranks
 * @param rankSize ranks of the object, 1 to 1024; may be fewer than the world has
 * @param rankId the caller's rank in the object, below rankSize
 * @param symmetricSize bytes of each rank: a multiple of 2 MiB, the same at every rank
 * @param dataOpType a hint: one or more of smem_shm_data_op_type
 * @param flags reserved
 * @param gva out: address of rank 0's memory
 * @return a handle, NULL on failure
 */
smem_shm_t smem_shm_create(uint32_t id, uint32_t rankSize, uint32_t rankId, uint64_t symmetricSize,
                           smem_shm_data_op_type dataOpType, uint32_t flags, void** gva);

/**
 * @brief Gives handle and memory up; the other ranks keep the object, without this rank. The caller's address
 * range stays mapped while views of it exist.
 * @return 0; SM_OBJECT_NOT_EXISTS for a handle that was destroyed before
 */
int32_t smem_shm_destroy(smem_shm_t handle, uint32_t flags);

/**
 * @brief Keeps a copy of `context` with the object, on this rank only; replaces the one before.
 * @param size 1 to 65536 bytes
 */
int32_t smem_shm_set_extra_context(smem_shm_t handle, const void* context, uint32_t size);

/**
 * @brief What smem_shm_set_extra_context() keeps; 0 bytes before its first call.
 * @param context out: the bytes; NULL asks for their number alone
 * @param size in: room at `context`; out: bytes kept
 * @return 0; SM_INVALID_PARAM where the room is too small
 */
int32_t smem_shm_get_extra_context(smem_shm_t handle, void* context, uint32_t* size);

/** @brief The caller's rank in the object; UINT32_MAX on failure. */
uint32_t smem_shm_get_global_rank(smem_shm_t handle);

/** @brief Number of ranks of the object; UINT32_MAX on failure. */
uint32_t smem_shm_get_global_rank_size(smem_shm_t handle);

/**
 * @brief Waits until every rank of the object is here. Collective; blocks up to controlOperationTimeout. One
 * at a time on an object; threads may call it for different objects at once.
 * @return 0; SM_TIMEOUT; SM_PEER_LOST where a rank has died or left
 */
int32_t smem_shm_control_barrier(smem_shm_t handle);

/**
 * @brief Every rank gives sendSize bytes and gets those of all, in the order of ranks. Collective; blocks up
 * to controlOperationTimeout. Threads as in smem_shm_control_barrier().
 * @param sendSize 1 to 65536, the same at every rank
 * @param recvSize sendSize times the number of ranks
 * @return 0; SM_INVALID_PARAM, at every rank where their sendSizes differ; SM_TIMEOUT; SM_PEER_LOST where a
 * rank has died or left
 */
int32_t smem_shm_control_allgather(smem_shm_t handle, const char* sendBuf, uint32_t sendSize, char* recvBuf,
                                   uint32_t recvSize);

/**
 * @brief Tells how the caller reaches a rank's memory. Does not block.
 * @param reachInfo out: mask of smem_shm_data_op_type; 0 where the rank has left, is lost, or is out of reach
 * @return 0; SM_INVALID_PARAM for a rank outside the object
 */
int32_t smem_shm_topology_can_reach(smem_shm_t handle, uint32_t remoteRank, uint32_t* reachInfo);

/**
 * @brief Registers what is called when a rank of the object calls smem_shm_global_exit(), also where that was
 * before.
 * @param exit called once, with the status, on a thread of its own; may call exit()
 * @return 0; SM_ERROR where one is registered already
 */
int32_t smem_shm_register_exit(smem_shm_t handle, void (*exit)(int));

/**
 * @brief Calls the registered functions of all ranks, the caller's too. Neither waits for them nor ends the
 * caller.
 */
void smem_shm_global_exit(smem_shm_t handle, int status);

/**
 * @brief Copies local memory to an address of the object, also where that rank is not mapped here. When it
 * returns 0 the bytes are in the destination.
 * @return 0; SM_INVALID_PARAM where the destination is outside the object; SM_PEER_LOST
 */
int32_t smem_shm_put(smem_shm_t handle, void* dest, const void* src, size_t size);

/** @brief Copies from an address of the object to local memory. Otherwise as smem_shm_put(). */
int32_t smem_shm_get(smem_shm_t handle, void* dest, const void* src, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_SHM_H */
