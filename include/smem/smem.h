/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem.h
 * @brief What all interfaces share: start and end, the config store, log, last error, TLS.
 *
 * Unless a function says otherwise: it may be called from any thread, returns 0 or a negative code of
 * smem_error.h, and a failure leaves a text for smem_get_last_err_msg() on the calling thread. A process
 * that has neither served a config store nor initialized an interface may fork, and its children use the
 * library like any process. In a child that is made later every function returns SM_NOT_INITIALIZED.
 */
#ifndef MEMFABRIC_SMEM_H
#define MEMFABRIC_SMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smem_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Marks the beginning of use. Never required; does not block.
 * @param flags reserved, any value is accepted
 * @return 0
 */
int32_t smem_init(uint32_t flags);

/**
 * @brief Starts a config store inside this process. Blocks until it listens.
 *
 * Does nothing where this process already serves a store at the same address. The store ends with
 * smem_uninit() or with the process. Beyond loopback it needs TLS: see smem_set_conf_store_tls().
 * @param storeUrl "tcp://host:port" to listen on; "[ipv6]" and host names are accepted
 * @return 0; SM_INVALID_PARAM for a bad URL; SM_RESOURCE_IN_USE where the port is taken
 */
int32_t smem_create_config_store(const char* storeUrl);

/**
 * @brief Sends log messages to `func` instead of standard error.
 * @param func called on any thread of the program or the library, several at once where several threads log;
 * must not throw. `msg` is one line and valid during the call only. Levels as in smem_set_log_level().
 * @return 0; SM_INVALID_PARAM where func is NULL
 */
int32_t smem_set_extern_logger(void (*func)(int level, const char* msg));

/**
 * @brief Sets the lowest level that is written.
 * @param level 0 debug, 1 info, 2 warn (the default; option MF_LOG_LEVEL), 3 error, 4 fatal
 */
int32_t smem_set_log_level(int level);

/**
 * @brief Decides about TLS between config stores and their clients made by this process from now on.
 *
 * Without this call loopback works in plaintext, and anything beyond loopback needs the TLS string in the
 * environment variable SMEM_CONF_STORE_TLS_INFO, or MF_ALLOW_PLAINTEXT=1.
 * @param enable false: plaintext everywhere, on the caller's responsibility; the other arguments are ignored
 * @param tls_info "key: value;" pairs: tlsCaPath, tlsCaFile (list), tlsCert, tlsPk, tlsPkPwd, tlsCrlPath,
 * tlsCrlFile (list)
 * @param tls_info_len length of tls_info, at most 10 KiB
 * @return 0; SM_ERROR where enable is set and tls_info is NULL or too long
 */
int32_t smem_set_conf_store_tls(bool enable, const char* tls_info, const uint32_t tls_info_len);

/**
 * @brief Ends what smem_init() began: config stores of this process stop, unless an interface still uses
 * them.
 */
void smem_uninit(void);

/**
 * @brief Text of the last failure on the calling thread: what was attempted, on what, why it failed, what to
 * do.
 * @return never NULL, "" where nothing failed; valid until the next failure on this thread
 */
const char* smem_get_last_err_msg(void);

/**
 * @brief As smem_get_last_err_msg(), and forgets the text; the returned pointer is valid until the next call
 * of this.
 */
const char* smem_get_and_clear_last_err_msg(void);

#ifdef __cplusplus
}
#endif

#include "smem_security.h"

#endif /* MEMFABRIC_SMEM_H */
