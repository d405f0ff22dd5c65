// SPDX-License-Identifier: Apache-2.0
// Remote memory access. A call that returns has done its work, the non-blocking ones too.
#include <atomic>
#include <cstring>

#include "shmem/context.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/threads.h"
#include "smem_shm.h"

namespace memfabric::shmem {
namespace {

/// From here on the copy engine is faster: streaming stores, and more threads than one.
constexpr size_t kLarge = 4 << 20;  // bytes

inline void write(void* target, const void* source, size_t bytes, int pe, const char* call) {
    if (bytes < kLarge) [[likely]] {
        std::memcpy(target, source, bytes);
    } else if (smem_shm_put(heap_object(), target, source, bytes) != 0) {
        fail(call, "copying {} bytes to PE {} failed", bytes, pe);
    }
}

inline void read(void* dest, const void* from, size_t bytes, int pe, const char* call) {
    if (bytes < kLarge) [[likely]] {
        std::memcpy(dest, from, bytes);
    } else if (smem_shm_get(heap_object(), dest, from, bytes) != 0) {
        fail(call, "copying {} bytes from PE {} failed", bytes, pe);
    }
}

[[gnu::cold]] [[gnu::noinline]] void put_checked(void* dest, const void* source, size_t bytes, int pe,
                                                 const char* call) {
    const LongCall whole(call);
    write(remote_bytes_checked(dest, bytes, pe, call), source, bytes, pe, call);
}

[[gnu::cold]] [[gnu::noinline]] void get_checked(void* dest, const void* source, size_t bytes, int pe,
                                                 const char* call) {
    const LongCall whole(call);
    read(dest, remote_bytes_checked(source, bytes, pe, call), bytes, pe, call);
}

inline void put(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    void* target = remote_bytes_unchecked(dest, bytes, pe, call);
    if (target != nullptr) [[likely]] {
        write(target, source, bytes, pe, call);
    } else {
        put_checked(dest, source, bytes, pe, call);
    }
}

inline void get(void* dest, const void* source, size_t bytes, int pe, const char* call) {
    const void* from = remote_bytes_unchecked(source, bytes, pe, call);
    if (from != nullptr) [[likely]] {
        read(dest, from, bytes, pe, call);
    } else {
        get_checked(dest, source, bytes, pe, call);
    }
}

/// Bytes from the first to the last of `count` elements; the strides are in elements.
size_t extent(ptrdiff_t stride, size_t count, size_t size, const char* call) {
    if (stride < 1) {
        fail(call, "stride {} is smaller than 1", stride);
    }
    return count == 0 ? 0 : bytes_of((count - 1) * static_cast<size_t>(stride) + 1, size, call);
}

template <size_t kSize>
void copy_strided(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count) {
    auto* to = static_cast<char*>(dest);
    const auto* from = static_cast<const char*>(source);
    for (size_t i = 0; i < count; ++i) {
        std::memcpy(to + i * static_cast<size_t>(dst) * kSize, from + i * static_cast<size_t>(sst) * kSize,
                    kSize);
    }
}

template <size_t kSize>
void iput(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count, int pe,
          const char* call) {
    extent(sst, count, kSize, call);
    copy_strided<kSize>(remote_bytes(dest, extent(dst, count, kSize, call), pe, call), source, dst, sst,
                        count);
}

template <size_t kSize>
void iget(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count, int pe,
          const char* call) {
    extent(dst, count, kSize, call);
    copy_strided<kSize>(dest, remote_bytes(source, extent(sst, count, kSize, call), pe, call), dst, sst,
                        count);
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::bytes_of;
using memfabric::shmem::ContextUse;
using memfabric::shmem::remote;

extern "C" {

// The two forms of one function: in the default context, and in one that is given.
#define BOTH(NAME, PARAMETERS, BODY)                  \
    void shmem_##NAME PARAMETERS {                    \
        constexpr const char* kCall = "shmem_" #NAME; \
        BODY;                                         \
    }
#define IN_CONTEXT(NAME, PARAMETERS, BODY)                \
    void shmem_ctx_##NAME PARAMETERS {                    \
        constexpr const char* kCall = "shmem_ctx_" #NAME; \
        const ContextUse use(ctx, kCall);                 \
        pe = use.world_pe(pe);                            \
        BODY;                                             \
    }
#define UNPACK(...) __VA_ARGS__
#define FORMS(NAME, PARAMETERS, BODY)     \
    BOTH(NAME, (UNPACK PARAMETERS), BODY) \
    IN_CONTEXT(NAME, (shmem_ctx_t ctx, UNPACK PARAMETERS), BODY)

#define DEFINE_BLOCK(T, SIZE, PUT, GET, PUT_NBI, GET_NBI)                                \
    FORMS(PUT, (T * dest, const T* source, size_t nelems, int pe),                       \
          memfabric::shmem::put(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall)) \
    FORMS(PUT_NBI, (T * dest, const T* source, size_t nelems, int pe),                   \
          memfabric::shmem::put(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall)) \
    FORMS(GET, (T * dest, const T* source, size_t nelems, int pe),                       \
          memfabric::shmem::get(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall)) \
    FORMS(GET_NBI, (T * dest, const T* source, size_t nelems, int pe),                   \
          memfabric::shmem::get(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall))
#define DEFINE_STRIDED(T, SIZE, IPUT, IGET)                                                       \
    FORMS(IPUT, (T * dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe), \
          memfabric::shmem::iput<SIZE>(dest, source, dst, sst, nelems, pe, kCall))                \
    FORMS(IGET, (T * dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe), \
          memfabric::shmem::iget<SIZE>(dest, source, dst, sst, nelems, pe, kCall))

#define DEFINE_TYPED(T, N)                                                      \
    DEFINE_BLOCK(T, sizeof(T), N##_put, N##_get, N##_put_nbi, N##_get_nbi)      \
    DEFINE_STRIDED(T, sizeof(T), N##_iput, N##_iget)                            \
    FORMS(N##_p, (T * dest, T value, int pe), *remote(dest, pe, kCall) = value) \
    T shmem_##N##_g(const T* source, int pe) {                                  \
        return *remote(source, pe, "shmem_" #N "_g");                           \
    }                                                                           \
    T shmem_ctx_##N##_g(shmem_ctx_t ctx, const T* source, int pe) {             \
        constexpr const char* kCall = "shmem_ctx_" #N "_g";                     \
        const ContextUse use(ctx, kCall);                                       \
        return *remote(source, use.world_pe(pe), kCall);                        \
    }
SHMEM_RMA_TYPES_(DEFINE_TYPED)

#define DEFINE_SIZED(B)                                                   \
    DEFINE_BLOCK(void, B / 8, put##B, get##B, put##B##_nbi, get##B##_nbi) \
    DEFINE_STRIDED(void, B / 8, iput##B, iget##B)
DEFINE_SIZED(8)
DEFINE_SIZED(16)
DEFINE_SIZED(32)
DEFINE_SIZED(64)
DEFINE_SIZED(128)
DEFINE_BLOCK(void, 1, putmem, getmem, putmem_nbi, getmem_nbi)

}  // extern "C"
