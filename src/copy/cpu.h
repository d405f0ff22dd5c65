// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

namespace memfabric::copy {

/// Tells the processor that this thread waits in a loop.
inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#else
    std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

/// Cores that this process may run on; at least 1.
size_t usable_cores();

/// Bytes of the last-level cache that one core can count on: its size by the number of cores that share it.
/// At least 1 MiB, also where the machine does not tell.
size_t cache_share();

}  // namespace memfabric::copy
