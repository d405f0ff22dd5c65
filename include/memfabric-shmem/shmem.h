/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSHMEM 1.5 for C and C++. The functions are those of the specification (www.openshmem.org); what this
 * implementation adds or decides stands in docs/shmem.md. Wrong arguments end the job with a text that says
 * who called what with which argument. */
#ifndef MEMFABRIC_SHMEM_H
#define MEMFABRIC_SHMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <complex>
typedef std::complex<float> shmem_complexf_;
typedef std::complex<double> shmem_complexd_;
extern "C" {
#else
typedef float _Complex shmem_complexf_;
typedef double _Complex shmem_complexd_;
#endif

#include "shmem_constants.h"
#include "shmem_types.h"

/* Set-up and query */
void shmem_init(void);
int shmem_init_thread(int requested, int* provided);
void shmem_query_thread(int* provided);
void shmem_finalize(void);
void shmem_global_exit(int status);
int shmem_my_pe(void);
int shmem_n_pes(void);
int shmem_pe_accessible(int pe);
int shmem_addr_accessible(const void* addr, int pe);
void* shmem_ptr(const void* dest, int pe);
void shmem_info_get_version(int* major, int* minor);
void shmem_info_get_name(char* name);
void shmem_pcontrol(int level, ...);

/* Symmetric heap */
void* shmem_malloc(size_t size);
void* shmem_calloc(size_t count, size_t size);
void* shmem_align(size_t alignment, size_t size);
void* shmem_realloc(void* ptr, size_t size);
void* shmem_malloc_with_hints(size_t size, long hints);
void shmem_free(void* ptr);

/* Teams */
int shmem_team_my_pe(shmem_team_t team);
int shmem_team_n_pes(shmem_team_t team);
int shmem_team_get_config(shmem_team_t team, long config_mask, shmem_team_config_t* config);
int shmem_team_translate_pe(shmem_team_t src_team, int src_pe, shmem_team_t dest_team);
int shmem_team_split_strided(shmem_team_t parent_team, int start, int stride, int size,
                             const shmem_team_config_t* config, long config_mask, shmem_team_t* new_team);
int shmem_team_split_2d(shmem_team_t parent_team, int xrange, const shmem_team_config_t* xaxis_config,
                        long xaxis_mask, shmem_team_t* xaxis_team, const shmem_team_config_t* yaxis_config,
                        long yaxis_mask, shmem_team_t* yaxis_team);
void shmem_team_destroy(shmem_team_t team);

/* Contexts */
int shmem_ctx_create(long options, shmem_ctx_t* ctx);
int shmem_team_create_ctx(shmem_team_t team, long options, shmem_ctx_t* ctx);
int shmem_ctx_get_team(shmem_ctx_t ctx, shmem_team_t* team);
void shmem_ctx_destroy(shmem_ctx_t ctx);

/* Order */
void shmem_fence(void);
void shmem_quiet(void);
void shmem_ctx_fence(shmem_ctx_t ctx);
void shmem_ctx_quiet(shmem_ctx_t ctx);

/* Remote memory access; put, get, and with a signal */
#define SHMEM_DECLARE_RMA_(T, N)                                                                          \
    void shmem_##N##_put(T* dest, const T* source, size_t nelems, int pe);                                \
    void shmem_##N##_put_nbi(T* dest, const T* source, size_t nelems, int pe);                            \
    void shmem_##N##_get(T* dest, const T* source, size_t nelems, int pe);                                \
    void shmem_##N##_get_nbi(T* dest, const T* source, size_t nelems, int pe);                            \
    void shmem_##N##_iput(T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe); \
    void shmem_##N##_iget(T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe); \
    void shmem_##N##_p(T* dest, T value, int pe);                                                         \
    T shmem_##N##_g(const T* source, int pe);                                                             \
    void shmem_##N##_put_signal(T* dest, const T* source, size_t nelems, uint64_t* sig_addr,              \
                                uint64_t signal, int sig_op, int pe);                                     \
    void shmem_##N##_put_signal_nbi(T* dest, const T* source, size_t nelems, uint64_t* sig_addr,          \
                                    uint64_t signal, int sig_op, int pe);                                 \
    void shmem_ctx_##N##_put(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems, int pe);           \
    void shmem_ctx_##N##_put_nbi(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems, int pe);       \
    void shmem_ctx_##N##_get(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems, int pe);           \
    void shmem_ctx_##N##_get_nbi(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems, int pe);       \
    void shmem_ctx_##N##_iput(shmem_ctx_t ctx, T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst,    \
                              size_t nelems, int pe);                                                     \
    void shmem_ctx_##N##_iget(shmem_ctx_t ctx, T* dest, const T* source, ptrdiff_t dst, ptrdiff_t sst,    \
                              size_t nelems, int pe);                                                     \
    void shmem_ctx_##N##_p(shmem_ctx_t ctx, T* dest, T value, int pe);                                    \
    T shmem_ctx_##N##_g(shmem_ctx_t ctx, const T* source, int pe);                                        \
    void shmem_ctx_##N##_put_signal(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems,             \
                                    uint64_t* sig_addr, uint64_t signal, int sig_op, int pe);             \
    void shmem_ctx_##N##_put_signal_nbi(shmem_ctx_t ctx, T* dest, const T* source, size_t nelems,         \
                                        uint64_t* sig_addr, uint64_t signal, int sig_op, int pe);
SHMEM_RMA_TYPES_(SHMEM_DECLARE_RMA_)

#define SHMEM_DECLARE_BLOCK_(PUT, GET, PUT_NBI, GET_NBI, SIGNAL, SIGNAL_NBI)                                \
    void shmem_##PUT(void* dest, const void* source, size_t nelems, int pe);                                \
    void shmem_##PUT_NBI(void* dest, const void* source, size_t nelems, int pe);                            \
    void shmem_##GET(void* dest, const void* source, size_t nelems, int pe);                                \
    void shmem_##GET_NBI(void* dest, const void* source, size_t nelems, int pe);                            \
    void shmem_##SIGNAL(void* dest, const void* source, size_t nelems, uint64_t* sig_addr, uint64_t signal, \
                        int sig_op, int pe);                                                                \
    void shmem_##SIGNAL_NBI(void* dest, const void* source, size_t nelems, uint64_t* sig_addr,              \
                            uint64_t signal, int sig_op, int pe);                                           \
    void shmem_ctx_##PUT(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems, int pe);           \
    void shmem_ctx_##PUT_NBI(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems, int pe);       \
    void shmem_ctx_##GET(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems, int pe);           \
    void shmem_ctx_##GET_NBI(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems, int pe);       \
    void shmem_ctx_##SIGNAL(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems,                 \
                            uint64_t* sig_addr, uint64_t signal, int sig_op, int pe);                       \
    void shmem_ctx_##SIGNAL_NBI(shmem_ctx_t ctx, void* dest, const void* source, size_t nelems,             \
                                uint64_t* sig_addr, uint64_t signal, int sig_op, int pe);
#define SHMEM_DECLARE_SIZED_(B)                                                                              \
    SHMEM_DECLARE_BLOCK_(put##B, get##B, put##B##_nbi, get##B##_nbi, put##B##_signal, put##B##_signal_nbi)   \
    void shmem_iput##B(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe); \
    void shmem_iget##B(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe); \
    void shmem_ctx_iput##B(shmem_ctx_t ctx, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst,    \
                           size_t nelems, int pe);                                                           \
    void shmem_ctx_iget##B(shmem_ctx_t ctx, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst,    \
                           size_t nelems, int pe);
SHMEM_DECLARE_SIZED_(8)
SHMEM_DECLARE_SIZED_(16)
SHMEM_DECLARE_SIZED_(32)
SHMEM_DECLARE_SIZED_(64)
SHMEM_DECLARE_SIZED_(128)
SHMEM_DECLARE_BLOCK_(putmem, getmem, putmem_nbi, getmem_nbi, putmem_signal, putmem_signal_nbi)

#include "shmem_atomic.h"
#include "shmem_collective.h"
#include "shmem_deprecated.h"

#ifdef __cplusplus
}
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#include "shmem_generic.h"
#endif

#endif /* MEMFABRIC_SHMEM_H */
