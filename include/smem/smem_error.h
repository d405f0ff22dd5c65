/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file smem_error.h
 * @brief Every code that a function of this library returns. 0 is success, all others are negative; each
 * non-zero return leaves a text for smem_get_last_err_msg().
 */
#ifndef MEMFABRIC_SMEM_ERROR_H
#define MEMFABRIC_SMEM_ERROR_H

typedef enum {
    SM_OK = 0,
    SM_ERROR = -1,

    /* The config store. */
    SM_STORE_INVALID_MESSAGE = -400, /* what came back is no message of a config store */
    SM_STORE_INVALID_KEY = -401,     /* a key is 1 to 1024 bytes long */
    SM_STORE_NOT_EXIST = -404,       /* no such key */
    SM_STORE_TIMEOUT = -601,         /* the store did not answer by the deadline */
    SM_STORE_SOCKET = -602,          /* the connection to the store failed */

    SM_INVALID_PARAM = -2000,
    SM_MALLOC_FAILED = -2001, /* memory, address space or pages could not be had */
    SM_NEW_OBJECT_FAILED = -2002,
    SM_NOT_STARTED = -2003, /* the object is not joined */
    SM_TIMEOUT = -2004,     /* the deadline passed */
    SM_REPEAT_CALL = -2005,
    SM_DUPLICATED_OBJECT = -2006, /* the id or rank is taken */
    SM_OBJECT_NOT_EXISTS = -2007, /* unknown or stale handle */
    SM_NOT_INITIALIZED = -2008,   /* also: every call in a forked child */
    SM_RESOURCE_IN_USE = -2009,   /* port taken, object busy */
    SM_RECONNECT = -2010,
    SM_GET_OBJECT = -2011,

    SM_PEER_LOST = -2012,     /* the peer that the call needs has died or left */
    SM_EVICTED = -2013,       /* this process was given up for dead; join anew */
    SM_NOT_SUPPORTED = -2014, /* this machine or build cannot do it; the text says what is missing */
    SM_REFUSED = -2015        /* the other side understood and said no */
} smem_error_code;

#endif /* MEMFABRIC_SMEM_ERROR_H */
