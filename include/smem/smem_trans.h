/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_trans.h
 * @brief TRANS, the transfer engine: register any memory, and write and read that of a named peer session.
 *
 * Addresses of the other side are its own virtual addresses. The local side needs no registration. A session
 * or an address that is not there yet is waited for, up to the operation's timeout (MF_TRANS_TIMEOUT, default
 * 10 s); the failure then says which of the two was missing. A session that has ended is SM_PEER_LOST at
 * once, until its name is opened again. All functions may be called from any threads at once. General rules
 * as in smem.h.
 *
 * Registered ranges may overlap or touch: a byte can be transferred while any registration covers it, and a
 * transfer may run over the border of two that touch. A transfer is checked as a whole against the target's
 * registrations before its first byte is moved. Memory that the target has freed while it was registered ends
 * the transfer with SM_ERROR, naming the piece; earlier pieces may have been moved then.
 *
 * Sessions of other hosts are reached by the fabric, with the same promises but two: a read of memory that
 * was freed there while it was registered may end with SM_TIMEOUT; and a deregistration waits no longer than
 * a second for an initiator that is stopped or cut off, whose transfer then ends with SM_REFUSED and may have
 * moved some bytes.
 */
#ifndef MEMFABRIC_SMEM_TRANS_H
#define MEMFABRIC_SMEM_TRANS_H

#include "smem.h"
#include "smem_trans_def.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Fills `config` with the defaults that smem_trans_config_t names. SM_INVALID_PARAM where it is NULL.
 */
int32_t smem_trans_config_init(smem_trans_config_t* config);

/** @brief Checks `config`. Never required: smem_trans_create() does it. A second call returns 0. */
int32_t smem_trans_init(const smem_trans_config_t* config);

/**
 * @brief Opens a session at a config store that runs already. Blocks up to initTimeout.
 * @param storeUrl "tcp://host:port"
 * @param uniqueId the session's name, "host:port", unlike that of any other session at the store
 * @return a handle, NULL on failure
 */
smem_trans_t smem_trans_create(const char* storeUrl, const char* uniqueId, const smem_trans_config_t* config);

/**
 * @brief Closes the session, takes its memory back. Waits for transfers that run. NULL and stale handles are
 * ignored.
 */
void smem_trans_destroy(smem_trans_t handle, uint32_t flags);

/** @brief Closes what is left. Bounded; a second call does nothing. */
void smem_trans_uninit(uint32_t flags);

/**
 * @brief Zeroed memory for transfers, aligned to 64 KiB; NULL on failure. It is registered like any other, by
 * smem_trans_register_mem(); peers on this host then map it and copy directly, once. Lives until
 * smem_trans_free() or smem_trans_destroy().
 */
void* smem_trans_malloc(smem_trans_t handle, size_t size, uint32_t flags);

/**
 * @brief Gives memory of smem_trans_malloc() back and deregisters it. SM_OBJECT_NOT_EXISTS for any other
 * address; SM_RESOURCE_IN_USE as in smem_trans_deregister_mem().
 */
int32_t smem_trans_free(smem_trans_t handle, void* address);

/**
 * @brief Lets peers write and read [address, address + capacity). Inside memory that is registered already it
 * costs nothing. Each registration is undone by one smem_trans_deregister_mem().
 * @return 0; SM_INVALID_PARAM for a null address, no bytes, or a range past the end of the address space;
 * SM_OBJECT_NOT_EXISTS; SM_MALLOC_FAILED
 */
int32_t smem_trans_register_mem(smem_trans_t handle, void* address, size_t capacity, uint32_t flags);

/** @brief Registers `count` ranges, or none where one of them cannot be. Peers see all or none. */
int32_t smem_trans_batch_register_mem(smem_trans_t handle, void* addresses[], size_t capacities[],
                                      uint32_t count, uint32_t flags);

/**
 * @brief Undoes the last registration that began at `address`: later transfers to bytes that no other
 * registration covers are refused, and those that run have ended when it returns 0, so the memory may be
 * freed. Blocks up to MF_TRANS_TIMEOUT.
 * @return 0; SM_OBJECT_NOT_EXISTS where none begins there; SM_RESOURCE_IN_USE where a transfer did not end in
 * time: the memory stays registered, and the text names the session that uses it
 */
int32_t smem_trans_deregister_mem(smem_trans_t handle, void* address);

/**
 * @brief Writes to a peer. When it returns 0 the bytes are in the peer's memory.
 * @param srcAddress local memory
 * @param destSession the peer's uniqueId
 * @param destAddress registered memory of the peer
 * @return 0; SM_INVALID_PARAM; SM_TIMEOUT; SM_REFUSED where the peer does not offer the range; SM_PEER_LOST
 */
int32_t smem_trans_write(smem_trans_t handle, const void* srcAddress, const char* destSession,
                         void* destAddress, size_t dataSize);

/** @brief Writes pieces; all are checked before the first is written. Otherwise as smem_trans_write(). */
int32_t smem_trans_batch_write(smem_trans_t handle, const void* srcAddresses[], const char* destSession,
                               void* destAddresses[], size_t dataSizes[], uint32_t batchSize);

/**
 * @brief Reads from a peer. When it returns 0 the bytes are in local memory. Otherwise as smem_trans_write().
 * @param destAddress local memory
 * @param srcSession the peer's uniqueId
 * @param srcAddress registered memory of the peer
 */
int32_t smem_trans_read(smem_trans_t handle, void* destAddress, const char* srcSession,
                        const void* srcAddress, size_t dataSize);

/** @brief Reads pieces; all are checked before the first is read. Otherwise as smem_trans_read(). */
int32_t smem_trans_batch_read(smem_trans_t handle, void* destAddresses[], const char* srcSession,
                              const void* srcAddresses[], size_t dataSizes[], uint32_t batchSize);

/**
 * @brief The same four, which return once queued; smem_trans_wait() ends them, and the memory must stay as it
 * is until then. The arrays are copied and may be given up at once.
 * @param stream an accelerator's stream, whose order the transfer keeps; NULL: the handle's own queue
 */
int32_t smem_trans_write_submit(smem_trans_t handle, const void* srcAddress, const char* destSession,
                                void* destAddress, size_t dataSize, void* stream, uint32_t flags);
int32_t smem_trans_batch_write_submit(smem_trans_t handle, const void* srcAddresses[],
                                      const char* destSession, void* destAddresses[], size_t dataSizes[],
                                      uint32_t batchSize, void* stream, uint32_t flags);
int32_t smem_trans_read_submit(smem_trans_t handle, void* destAddress, const char* srcSession,
                               const void* srcAddress, size_t dataSize, void* stream, uint32_t flags);
int32_t smem_trans_batch_read_submit(smem_trans_t handle, void* destAddresses[], const char* srcSession,
                                     const void* srcAddresses[], size_t dataSizes[], uint32_t batchSize,
                                     void* stream, uint32_t flags);

/**
 * @brief Waits until all that was submitted to this queue before has ended.
 * @return 0; the code of the first that failed since the last wait
 */
int32_t smem_trans_wait(smem_trans_t handle, void* stream);

#ifdef __cplusplus
}
#endif

#endif /* MEMFABRIC_SMEM_TRANS_H */
