/* SPDX-License-Identifier: Apache-2.0 */
/* The profiling interface of OpenSHMEM 1.5: each function shmem_x is there as pshmem_x too. A profiling
 * library defines shmem_x itself, is linked in front of this one or preloaded, and calls pshmem_x. */
#ifndef MEMFABRIC_PSHMEM_H
#define MEMFABRIC_PSHMEM_H

#include "shmem.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SHMEM_P_(name) extern __typeof__(shmem_##name) pshmem_##name;
/* In the default context and in one that is given. */
#define SHMEM_P_BOTH_(name) SHMEM_P_(name) SHMEM_P_(ctx_##name)
#define SHMEM_P_NBI_(name) SHMEM_P_BOTH_(name) SHMEM_P_BOTH_(name##_nbi)

SHMEM_P_(init)
SHMEM_P_(init_thread)
SHMEM_P_(query_thread)
SHMEM_P_(finalize)
SHMEM_P_(global_exit)
SHMEM_P_(my_pe)
SHMEM_P_(n_pes)
SHMEM_P_(pe_accessible)
SHMEM_P_(addr_accessible)
SHMEM_P_(ptr)
SHMEM_P_(info_get_version)
SHMEM_P_(info_get_name)
SHMEM_P_(pcontrol)
SHMEM_P_(malloc)
SHMEM_P_(calloc)
SHMEM_P_(align)
SHMEM_P_(realloc)
SHMEM_P_(malloc_with_hints)
SHMEM_P_(free)
SHMEM_P_(team_my_pe)
SHMEM_P_(team_n_pes)
SHMEM_P_(team_get_config)
SHMEM_P_(team_translate_pe)
SHMEM_P_(team_split_strided)
SHMEM_P_(team_split_2d)
SHMEM_P_(team_destroy)
SHMEM_P_(team_create_ctx)
SHMEM_P_(team_sync)
SHMEM_P_(ctx_create)
SHMEM_P_(ctx_get_team)
SHMEM_P_(ctx_destroy)
SHMEM_P_BOTH_(fence)
SHMEM_P_BOTH_(quiet)
SHMEM_P_(barrier_all)
SHMEM_P_(barrier)
SHMEM_P_(sync_all)
SHMEM_P_(sync)
SHMEM_P_(set_lock)
SHMEM_P_(clear_lock)
SHMEM_P_(test_lock)
SHMEM_P_(signal_fetch)
SHMEM_P_(signal_wait_until)
SHMEM_P_BOTH_(signal_set)
SHMEM_P_BOTH_(signal_add)
SHMEM_P_(wait)
SHMEM_P_(wait_until)
SHMEM_P_(short_wait)
SHMEM_P_(int_wait)
SHMEM_P_(long_wait)
SHMEM_P_(longlong_wait)
SHMEM_P_(clear_cache_inv)
SHMEM_P_(set_cache_inv)
SHMEM_P_(clear_cache_line_inv)
SHMEM_P_(set_cache_line_inv)
SHMEM_P_(udcflush)
SHMEM_P_(udcflush_line)

/* Remote memory access, and the collectives that move: of a type, of a size, of bytes. */
#define SHMEM_P_STRIDED_(put, get) SHMEM_P_BOTH_(put) SHMEM_P_BOTH_(get)
#define SHMEM_P_BLOCK_(put, get, signal) SHMEM_P_NBI_(put) SHMEM_P_NBI_(get) SHMEM_P_NBI_(signal)
#define SHMEM_P_MOVES_(all, alls, broadcast, collect, fcollect) \
    SHMEM_P_(all) SHMEM_P_(alls) SHMEM_P_(broadcast) SHMEM_P_(collect) SHMEM_P_(fcollect)
#define SHMEM_P_RMA_(T, N)                           \
    SHMEM_P_BLOCK_(N##_put, N##_get, N##_put_signal) \
    SHMEM_P_STRIDED_(N##_iput, N##_iget)             \
    SHMEM_P_BOTH_(N##_p)                             \
    SHMEM_P_BOTH_(N##_g)                             \
    SHMEM_P_MOVES_(N##_alltoall, N##_alltoalls, N##_broadcast, N##_collect, N##_fcollect)
SHMEM_RMA_TYPES_(SHMEM_P_RMA_)
#define SHMEM_P_SIZED_(B)                           \
    SHMEM_P_BLOCK_(put##B, get##B, put##B##_signal) \
    SHMEM_P_STRIDED_(iput##B, iget##B)
SHMEM_P_SIZED_(8)
SHMEM_P_SIZED_(16)
SHMEM_P_SIZED_(32)
SHMEM_P_SIZED_(64)
SHMEM_P_SIZED_(128)
SHMEM_P_BLOCK_(putmem, getmem, putmem_signal)
SHMEM_P_MOVES_(alltoallmem, alltoallsmem, broadcastmem, collectmem, fcollectmem)
#define SHMEM_P_ACTIVE_SET_(B) \
    SHMEM_P_MOVES_(alltoall##B, alltoalls##B, broadcast##B, collect##B, fcollect##B)
SHMEM_P_ACTIVE_SET_(32)
SHMEM_P_ACTIVE_SET_(64)

/* Atomics */
#define SHMEM_P_BASIC_(T, N)       \
    SHMEM_P_NBI_(N##_atomic_fetch) \
    SHMEM_P_BOTH_(N##_atomic_set)  \
    SHMEM_P_NBI_(N##_atomic_swap)
#define SHMEM_P_STANDARD_(T, N)           \
    SHMEM_P_NBI_(N##_atomic_compare_swap) \
    SHMEM_P_BOTH_(N##_atomic_inc)         \
    SHMEM_P_NBI_(N##_atomic_fetch_inc)    \
    SHMEM_P_BOTH_(N##_atomic_add)         \
    SHMEM_P_NBI_(N##_atomic_fetch_add)
#define SHMEM_P_BIT_(N, OP) SHMEM_P_BOTH_(N##_atomic_##OP) SHMEM_P_NBI_(N##_atomic_fetch_##OP)
#define SHMEM_P_BITS_(T, N) SHMEM_P_BIT_(N, and) SHMEM_P_BIT_(N, or) SHMEM_P_BIT_(N, xor)
SHMEM_STANDARD_AMO_TYPES_(SHMEM_P_BASIC_)
SHMEM_FLOAT_AMO_TYPES_(SHMEM_P_BASIC_)
SHMEM_STANDARD_AMO_TYPES_(SHMEM_P_STANDARD_)
SHMEM_BITWISE_AMO_TYPES_(SHMEM_P_BITS_)

/* Waits and tests */
#define SHMEM_P_WAIT_(T, N)             \
    SHMEM_P_(N##_wait_until)            \
    SHMEM_P_(N##_wait_until_all)        \
    SHMEM_P_(N##_wait_until_any)        \
    SHMEM_P_(N##_wait_until_some)       \
    SHMEM_P_(N##_wait_until_all_vector) \
    SHMEM_P_(N##_wait_until_any_vector) \
    SHMEM_P_(N##_wait_until_some_vector)
#define SHMEM_P_TEST_(T, N)       \
    SHMEM_P_(N##_test)            \
    SHMEM_P_(N##_test_all)        \
    SHMEM_P_(N##_test_any)        \
    SHMEM_P_(N##_test_some)       \
    SHMEM_P_(N##_test_all_vector) \
    SHMEM_P_(N##_test_any_vector) \
    SHMEM_P_(N##_test_some_vector)
SHMEM_STANDARD_AMO_TYPES_(SHMEM_P_WAIT_)
SHMEM_STANDARD_AMO_TYPES_(SHMEM_P_TEST_)
SHMEM_P_WAIT_(short, short)
SHMEM_P_TEST_(short, short)
SHMEM_P_WAIT_(unsigned short, ushort)
SHMEM_P_TEST_(unsigned short, ushort)

/* Reductions, of teams and of active sets */
#define SHMEM_P_BITWISE_REDUCE_(T, N) \
    SHMEM_P_(N##_and_reduce) SHMEM_P_(N##_or_reduce) SHMEM_P_(N##_xor_reduce)
#define SHMEM_P_COMPARE_REDUCE_(T, N) SHMEM_P_(N##_max_reduce) SHMEM_P_(N##_min_reduce)
#define SHMEM_P_ARITHMETIC_REDUCE_(T, N) SHMEM_P_(N##_sum_reduce) SHMEM_P_(N##_prod_reduce)
SHMEM_BITWISE_REDUCE_TYPES_(SHMEM_P_BITWISE_REDUCE_)
SHMEM_COMPARE_REDUCE_TYPES_(SHMEM_P_COMPARE_REDUCE_)
SHMEM_COMPARE_REDUCE_TYPES_(SHMEM_P_ARITHMETIC_REDUCE_)
SHMEM_COMPLEX_REDUCE_TYPES_(SHMEM_P_ARITHMETIC_REDUCE_)
#define SHMEM_P_BITWISE_TO_ALL_(T, N) \
    SHMEM_P_(N##_and_to_all) SHMEM_P_(N##_or_to_all) SHMEM_P_(N##_xor_to_all)
#define SHMEM_P_COMPARE_TO_ALL_(T, N) SHMEM_P_(N##_max_to_all) SHMEM_P_(N##_min_to_all)
#define SHMEM_P_ARITHMETIC_TO_ALL_(T, N) SHMEM_P_(N##_sum_to_all) SHMEM_P_(N##_prod_to_all)
SHMEM_BITWISE_TO_ALL_TYPES_(SHMEM_P_BITWISE_TO_ALL_)
SHMEM_COMPARE_TO_ALL_TYPES_(SHMEM_P_COMPARE_TO_ALL_)
SHMEM_COMPARE_TO_ALL_TYPES_(SHMEM_P_ARITHMETIC_TO_ALL_)
SHMEM_COMPLEX_REDUCE_TYPES_(SHMEM_P_ARITHMETIC_TO_ALL_)

/* The atomics of before 1.4 */
#define SHMEM_P_OLD_SWAP_(N) SHMEM_P_(N##_fetch) SHMEM_P_(N##_set) SHMEM_P_(N##_swap)
#define SHMEM_P_OLD_(N)  \
    SHMEM_P_OLD_SWAP_(N) \
    SHMEM_P_(N##_cswap)  \
    SHMEM_P_(N##_fadd)   \
    SHMEM_P_(N##_finc)   \
    SHMEM_P_(N##_add)    \
    SHMEM_P_(N##_inc)
SHMEM_P_OLD_(int)
SHMEM_P_OLD_(long)
SHMEM_P_OLD_(longlong)
SHMEM_P_OLD_SWAP_(float)
SHMEM_P_OLD_SWAP_(double)

#ifdef __cplusplus
}
#endif

#endif
