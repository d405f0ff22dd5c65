// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace memfabric::copy {

/// Keeps what this thread stores and loads after a copy behind the copy's own stores and loads, for every
/// process: so a flag that is put after the data is seen after the data. x86 does so by itself.
inline void order_after_copy() {
#if defined(__aarch64__)
    asm volatile("dmb ish" ::: "memory");
#elif defined(__x86_64__)
    asm volatile("" ::: "memory");
#else
    __sync_synchronize();
#endif
}

/// Copies 8 bytes. Aligned ones are never torn, and may be read and written by atomic instructions meanwhile:
/// programs put flags this way.
inline void copy_word(std::byte* destination, const std::byte* source) {
    using Word [[gnu::may_alias]] = uint64_t;
    if ((reinterpret_cast<uintptr_t>(destination) | reinterpret_cast<uintptr_t>(source)) % sizeof(Word) == 0)
        [[likely]] {
        const Word value = __atomic_load_n(reinterpret_cast<const Word*>(source), __ATOMIC_ACQUIRE);
        __atomic_store_n(reinterpret_cast<Word*>(destination), value, __ATOMIC_RELEASE);
    } else {
        std::memcpy(destination, source, sizeof(Word));
    }
}

}  // namespace memfabric::copy
