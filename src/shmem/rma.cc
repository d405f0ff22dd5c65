// SPDX-License-Identifier: Apache-2.0
// Remote memory access. On this host a call that returns has done its work, the non-blocking ones too.
#include <atomic>
#include <cstring>

#include "shmem/context.h"
#include "shmem/counters.h"
#include "shmem/remote.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

using Transfer = void (*)(void* dest, const void* source, size_t bytes, int pe, const char* call);

/// One test for both ends of what one copy does: null pointers, which memcpy must not see, come with no
/// bytes.
inline bool is_none_or_large(size_t bytes) {
    return bytes - 1 >= kLarge - 1;
}

// What most often is put and got by itself; apart from other sizes, so that it takes the shortest way.
constexpr size_t kWord = observe::kWordBytes;

/// What one copy does.
template <Transfer kSlowly>
[[gnu::always_inline]] inline void put_at_once(void* dest, const void* source, size_t bytes, int pe,
                                               const char* call) {
    count_quickly(
        Counter::kPut, dest, bytes, pe, [=](void* target) MF_INLINE { std::memcpy(target, source, bytes); },
        [=]() MF_INLINE { kSlowly(dest, source, bytes, pe, call); });
}

template <Transfer kSlowly>
[[gnu::always_inline]] inline void get_at_once(void* dest, const void* source, size_t bytes, int pe,
                                               const char* call) {
    count_quickly(
        Counter::kGet, source, bytes, pe, [=](const void* from) MF_INLINE { std::memcpy(dest, from, bytes); },
        [=]() MF_INLINE { kSlowly(dest, source, bytes, pe, call); });
}

template <Transfer kSlowly>
[[gnu::noinline]] void put_other_size(void* dest, const void* source, size_t bytes, int pe,
                                      const char* call) {
    if (is_none_or_large(bytes)) [[unlikely]] {
        kSlowly(dest, source, bytes, pe, call);
    } else {
        put_at_once<kSlowly>(dest, source, bytes, pe, call);
    }
}

template <Transfer kSlowly>
[[gnu::always_inline]] inline void put(void* dest, const void* source, size_t bytes, int pe,
                                       const char* call) {
    if (bytes == kWord) {
        put_at_once<kSlowly>(dest, source, kWord, pe, call);
    } else {
        put_other_size<kSlowly>(dest, source, bytes, pe, call);
    }
}

template <Transfer kSlowly>
[[gnu::noinline]] void get_other_size(void* dest, const void* source, size_t bytes, int pe,
                                      const char* call) {
    if (is_none_or_large(bytes)) [[unlikely]] {
        kSlowly(dest, source, bytes, pe, call);
    } else {
        get_at_once<kSlowly>(dest, source, bytes, pe, call);
    }
}

template <Transfer kSlowly>
[[gnu::always_inline]] inline void get(void* dest, const void* source, size_t bytes, int pe,
                                       const char* call) {
    if (bytes == kWord) {
        get_at_once<kSlowly>(dest, source, kWord, pe, call);
    } else {
        get_other_size<kSlowly>(dest, source, bytes, pe, call);
    }
}

// Apart, so that a value has no place in memory where it needs none.
template <typename T>
[[gnu::cold]] [[gnu::noinline]] void put_one_slowly(T* dest, T value, int pe, const char* call) {
    put_slowly(dest, &value, sizeof value, pe, call);
}

template <typename T>
[[gnu::cold]] [[gnu::noinline]] T get_one_slowly(const T* source, int pe, const char* call) {
    T value;
    get_slowly(&value, source, sizeof value, pe, call);
    return value;
}

template <typename T>
[[gnu::always_inline]] inline void put_one(T* dest, T value, int pe, const char* call) {
    count_quickly(
        Counter::kPut, dest, sizeof value, pe, [=](T* target) MF_INLINE { *target = value; },
        [=]() MF_INLINE { put_one_slowly(dest, value, pe, call); });
}

template <typename T>
[[gnu::always_inline]] inline T get_one(const T* source, int pe, const char* call) {
    return count_quickly(
        Counter::kGet, source, sizeof(T), pe, [](const T* from) MF_INLINE { return *from; },
        [=]() MF_INLINE { return get_one_slowly(source, pe, call); });
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
    const Strided shape{kSize, count, static_cast<size_t>(dst), static_cast<size_t>(sst)};
    look_quickly(
        dest, extent(dst, count, kSize, call), pe,
        [&](void* target) {
            counted(Counter::kPut, pe, count * kSize,
                    [=] { copy_strided<kSize>(target, source, dst, sst, count); });
        },
        [&] { put_strided_slowly(dest, source, shape, pe, call); });
}

template <size_t kSize>
void iget(void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count, int pe,
          const char* call) {
    extent(dst, count, kSize, call);
    const Strided shape{kSize, count, static_cast<size_t>(dst), static_cast<size_t>(sst)};
    look_quickly(
        source, extent(sst, count, kSize, call), pe,
        [&](const void* from) {
            counted(Counter::kGet, pe, count * kSize,
                    [=] { copy_strided<kSize>(dest, from, dst, sst, count); });
        },
        [&] { get_strided_slowly(dest, source, shape, pe, call); });
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::bytes_of;
using memfabric::shmem::ContextUse;
using memfabric::shmem::get;
using memfabric::shmem::get_nbi_slowly;
using memfabric::shmem::get_one;
using memfabric::shmem::get_slowly;
using memfabric::shmem::put;
using memfabric::shmem::put_nbi_slowly;
using memfabric::shmem::put_one;
using memfabric::shmem::put_slowly;

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

#define DEFINE_BLOCK(T, SIZE, PUT, GET, PUT_NBI, GET_NBI)                              \
    FORMS(PUT, (T * dest, const T* source, size_t nelems, int pe),                     \
          put<put_slowly>(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall))     \
    FORMS(PUT_NBI, (T * dest, const T* source, size_t nelems, int pe),                 \
          put<put_nbi_slowly>(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall)) \
    FORMS(GET, (T * dest, const T* source, size_t nelems, int pe),                     \
          get<get_slowly>(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall))     \
    FORMS(GET_NBI, (T * dest, const T* source, size_t nelems, int pe),                 \
          get<get_nbi_slowly>(dest, source, bytes_of(nelems, SIZE, kCall), pe, kCall))
#define DEFINE_STRIDED(T, SIZE, IPUT, IGET)                                                       \
    FORMS(IPUT, (T * dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe), \
          memfabric::shmem::iput<SIZE>(dest, source, dst, sst, nelems, pe, kCall))                \
    FORMS(IGET, (T * dest, const T* source, ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe), \
          memfabric::shmem::iget<SIZE>(dest, source, dst, sst, nelems, pe, kCall))

#define DEFINE_TYPED(T, N)                                                     \
    DEFINE_BLOCK(T, sizeof(T), N##_put, N##_get, N##_put_nbi, N##_get_nbi)     \
    DEFINE_STRIDED(T, sizeof(T), N##_iput, N##_iget)                           \
    FORMS(N##_p, (T * dest, T value, int pe), put_one(dest, value, pe, kCall)) \
    T shmem_##N##_g(const T* source, int pe) {                                 \
        return get_one(source, pe, "shmem_" #N "_g");                          \
    }                                                                          \
    T shmem_ctx_##N##_g(shmem_ctx_t ctx, const T* source, int pe) {            \
        constexpr const char* kCall = "shmem_ctx_" #N "_g";                    \
        const ContextUse use(ctx, kCall);                                      \
        return get_one(source, use.world_pe(pe), kCall);                       \
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
