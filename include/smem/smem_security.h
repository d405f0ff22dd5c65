/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_security.h
 * @brief Decryption of the password of the TLS private key.
 */
#ifndef MEMFABRIC_SMEM_SECURITY_H
#define MEMFABRIC_SMEM_SECURITY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Turns the text of the file that tlsPkPwd names into the password of the private key.
 * @param cipherText the file's text, trimmed; not NUL-terminated beyond its length
 * @param cipherTextLen in: its length in bytes
 * @param plainText out: room for *plainTextLen bytes
 * @param plainTextLen in: room, twice the cipher's length; out: length of the password
 * @return 0 on success, anything else fails the TLS set-up
 */
typedef int (*smem_decrypt_handler)(const char* cipherText, int* cipherTextLen, char* plainText,
                                    int* plainTextLen);

/**
 * @brief Registers the handler for TLS contexts made from now on. Without one the file's text is the password
 * itself.
 * @param h called on the thread that makes the context, one call at a time; NULL is SM_INVALID_PARAM
 */
int32_t smem_register_decrypt_handler(const smem_decrypt_handler h);

/** @brief The same handler with lengths of type size_t. @see smem_decrypt_handler */
typedef int (*smem_decrypt_handler_sized)(const char* cipherText, size_t cipherTextLen, char* plainText,
                                          size_t* plainTextLen);

/** @brief As smem_register_decrypt_handler(), for the handler with lengths of type size_t. */
int32_t smem_register_decrypt_handler_sized(const smem_decrypt_handler_sized h);

#ifdef __cplusplus
}

/**
 * The handler's type that C++ programs of the existing implementation use; `size_t &` is passed as `size_t *`
 * is.
 */
typedef int (*smem_decrypt_handler_ref)(const char* cipherText, size_t cipherTextLen, char* plainText,
                                        size_t& plainTextLen);

inline int32_t smem_register_decrypt_handler(const smem_decrypt_handler_ref h) {
    typedef void (*any_function)(); /* by way of it the compiler takes the difference for intended */
    return smem_register_decrypt_handler_sized(
        reinterpret_cast<smem_decrypt_handler_sized>(reinterpret_cast<any_function>(h)));
}

/** Without this a literal nullptr would fit both of the others, and not compile. */
inline int32_t smem_register_decrypt_handler(decltype(nullptr)) {
    return smem_register_decrypt_handler_sized(nullptr);
}
#endif

#endif /* MEMFABRIC_SMEM_SECURITY_H */
