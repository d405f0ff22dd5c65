// SPDX-License-Identifier: Apache-2.0
#include "measure/plain_copy.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace memfabric::measure {
namespace {

void copy_by_memcpy(std::byte* destination, const std::byte* source, size_t size) {
    std::memcpy(destination, source, size);
}

PlainCopy volatile opaque_memcpy = &copy_by_memcpy;

#if defined(__x86_64__)
void loop_sse2(std::byte* destination, const std::byte* source, size_t size) {
    for (size_t done = 0; done < size; done += sizeof(__m128i)) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(destination + done),
                         _mm_load_si128(reinterpret_cast<const __m128i*>(source + done)));
    }
    _mm_sfence();
}

__attribute__((target("avx2"))) void loop_avx2(std::byte* destination, const std::byte* source, size_t size) {
    for (size_t done = 0; done < size; done += sizeof(__m256i)) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(destination + done),
                            _mm256_load_si256(reinterpret_cast<const __m256i*>(source + done)));
    }
    _mm_sfence();
}

__attribute__((target("avx512f"))) void loop_avx512(std::byte* destination, const std::byte* source,
                                                    size_t size) {
    for (size_t done = 0; done < size; done += sizeof(__m512i)) {
        _mm512_stream_si512(reinterpret_cast<__m512i*>(destination + done), _mm512_load_si512(source + done));
    }
    _mm_sfence();
}
#endif

}  // namespace

PlainCopy plain_memcpy() {
    return opaque_memcpy;
}

PlainCopy nontemporal_loop() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        return &loop_avx512;
    }
    return __builtin_cpu_supports("avx2") ? &loop_avx2 : &loop_sse2;
#else
    return opaque_memcpy;
#endif
}

}  // namespace memfabric::measure
