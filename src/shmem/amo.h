// SPDX-License-Identifier: Apache-2.0
// Atomic memory operations on a word of any PE. On this host each is one instruction of the processor on the
// PE's own word; on another one it is done by the library there. Both are one coherent set with what that
// PE's threads do to the word.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>

#include "shmem/counters.h"
#include "shmem/remote.h"
#include "shmem/state.h"

namespace memfabric::shmem {

/// Ends the job: a word that two cache lines share would not be atomic.
[[noreturn]] [[gnu::cold]] void fail_alignment(const char* call, const void* place, size_t size);

/// Returns what was there before; of kSet it returns nothing of use.
template <Atomic kKind, typename T>
T apply(std::atomic_ref<T> word, T value, T expected) {
    if constexpr (kKind == Atomic::kFetch) {
        return word.load();
    } else if constexpr (kKind == Atomic::kSet) {
        word.store(value);
        return value;
    } else if constexpr (kKind == Atomic::kSwap) {
        return word.exchange(value);
    } else if constexpr (kKind == Atomic::kCompareSwap) {
        word.compare_exchange_strong(expected, value);
        return expected;
    } else if constexpr (kKind == Atomic::kAdd) {
        return word.fetch_add(value);
    } else if constexpr (kKind == Atomic::kAnd) {
        return word.fetch_and(value);
    } else if constexpr (kKind == Atomic::kOr) {
        return word.fetch_or(value);
    } else {
        static_assert(kKind == Atomic::kXor);
        return word.fetch_xor(value);
    }
}

/// Numbers travel as bits, floating-point ones too.
template <typename T>
uint64_t bits_of(T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <typename T>
T number_of_bits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
static_assert(std::endian::native == std::endian::little, "the lower half of the bits comes first");

/// Does it to PE `pe`'s word, and returns what was there before.
template <Atomic kKind, typename T>
T update(const T* place, T value, int pe, const char* call, T expected = {}) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    if (reinterpret_cast<uintptr_t>(place) % sizeof(T) != 0) [[unlikely]] {
        fail_alignment(call, place, sizeof(T));
    }
    // std::atomic_ref wants no const, also to read.
    return count_quickly(
        Counter::kAtomic, const_cast<T*>(place), sizeof(T), pe,
        [=](T* word) MF_INLINE { return apply<kKind>(std::atomic_ref<T>(*word), value, expected); },
        [=]() MF_INLINE {
            const AtomicOperands operands{bits_of(value), bits_of(expected)};
            return number_of_bits<T>(update_slowly(kKind, place, sizeof(T), operands, pe, call));
        });
}

}  // namespace memfabric::shmem
