// SPDX-License-Identifier: Apache-2.0
#include "copy/kernels_arch.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace memfabric::copy {
namespace {

constexpr size_t kLine = 64;

/// The hardware's prefetchers stop at the end of a page: one early touch of the next one gets its translation
/// and first line. Measured on a Zen 5, walking in 1 MiB: 27.5 GB/s without, 28.5 with; fetching every line
/// ahead: 25.5. Registers of 64 bytes gain nothing over those of 32.
constexpr size_t kPage = 4096;

/// Copies the bytes before the destination's first whole line, so that the stores past the caches fill whole
/// lines.
size_t copy_head(std::byte* destination, const std::byte* source, size_t size) {
    const size_t misaligned = reinterpret_cast<uintptr_t>(destination) % kLine;
    const size_t head = misaligned == 0 ? 0 : kLine - misaligned;
    if (head > 0 && head <= size) {
        std::memcpy(destination, source, head);
    }
    return head;
}

void copy_small(std::byte* destination, const std::byte* source, size_t size) {
    if (size > 0) {
        std::memcpy(destination, source, size);
    }
}

__attribute__((target("avx2"))) void stream_line_avx2(std::byte* destination, const std::byte* source) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + 32));
    _mm256_stream_si256(reinterpret_cast<__m256i*>(destination), low);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(destination + 32), high);
}

void stream_line_sse2(std::byte* destination, const std::byte* source) {
    for (size_t part = 0; part < kLine; part += sizeof(__m128i)) {
        const __m128i value = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + part));
        _mm_stream_si128(reinterpret_cast<__m128i*>(destination + part), value);
    }
}

// The two copies differ in their line function alone, which must have the same target attribute to be
// inlined: hence a macro and no template.
#define MF_NONTEMPORAL_COPY(name, attribute, stream_line)                                \
    attribute void name(std::byte* destination, const std::byte* source, size_t size) {  \
        size_t done = copy_head(destination, source, size);                              \
        if (done >= size) {                                                              \
            copy_small(destination, source, size);                                       \
            return;                                                                      \
        }                                                                                \
        while (size - done >= kLine) {                                                   \
            const size_t end = done + std::min(kPage, (size - done) / kLine * kLine);    \
            if (size - end >= kLine) {                                                   \
                _mm_prefetch(reinterpret_cast<const char*>(source + end), _MM_HINT_NTA); \
            }                                                                            \
            for (; done < end; done += kLine) {                                          \
                stream_line(destination + done, source + done);                          \
            }                                                                            \
        }                                                                                \
        copy_small(destination + done, source + done, size - done);                      \
    }

MF_NONTEMPORAL_COPY(copy_sse2, , stream_line_sse2)
MF_NONTEMPORAL_COPY(copy_avx2, __attribute__((target("avx2"))), stream_line_avx2)
#undef MF_NONTEMPORAL_COPY

}  // namespace

void append_nontemporal_kernels(std::vector<Kernel>& list) {
    list.push_back({.name = "nontemporal-sse2", .copy = &copy_sse2, .nontemporal = true});
    if (__builtin_cpu_supports("avx2")) {
        list.push_back({.name = "nontemporal-avx2", .copy = &copy_avx2, .nontemporal = true});
    }
}

void store_fence() {
    _mm_sfence();
}

}  // namespace memfabric::copy

#endif  // __x86_64__
