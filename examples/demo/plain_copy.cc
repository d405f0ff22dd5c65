// SPDX-License-Identifier: Apache-2.0
#include "plain_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace demo {

void copy_by_memcpy(std::byte* destination, const std::byte* source, size_t size) {
    std::memcpy(destination, source, size);
}

#ifdef __SSE2__
void copy_nontemporal(std::byte* destination, const std::byte* source, size_t size) {
    constexpr size_t kLine = 64;
    const size_t misaligned = (kLine - reinterpret_cast<uintptr_t>(destination) % kLine) % kLine;
    const size_t head = std::min(misaligned, size);
    std::memcpy(destination, source, head);
    size_t done = head;
    for (; done + kLine <= size; done += kLine) {
        const auto* from = reinterpret_cast<const __m128i*>(source + done);
        auto* to = reinterpret_cast<__m128i*>(destination + done);
        const __m128i a = _mm_loadu_si128(from);
        const __m128i b = _mm_loadu_si128(from + 1);
        const __m128i c = _mm_loadu_si128(from + 2);
        const __m128i d = _mm_loadu_si128(from + 3);
        _mm_stream_si128(to, a);
        _mm_stream_si128(to + 1, b);
        _mm_stream_si128(to + 2, c);
        _mm_stream_si128(to + 3, d);
    }
    _mm_sfence();
    std::memcpy(destination + done, source + done, size - done);
}
#else
void copy_nontemporal(std::byte* destination, const std::byte* source, size_t size) {
    std::memcpy(destination, source, size);
}
#endif

}  // namespace demo
