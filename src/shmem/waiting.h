// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace memfabric::shmem {

/// One short pause of a processor that waits.
inline void relax() {
#if defined(__x86_64__)
    _mm_pause();
#else
    asm volatile("yield" ::: "memory");
#endif
}

/// How long to spin: nothing gained where the one that is waited for has no processor of its own.
int spins_before_yield();

/// Until `is_done()`: spins, then lets others run, then naps longer and longer up to a millisecond, since
/// those who write with plain stores wake nobody.
template <typename Done>
void wait_until(const Done& is_done) {
    for (int i = spins_before_yield(); i > 0; --i) {
        if (is_done()) {
            return;
        }
        relax();
    }
    constexpr int kYields = 2000;
    for (int i = 0; i < kYields; ++i) {
        if (is_done()) {
            return;
        }
        sched_yield();
    }
    constexpr long kLongestNap = 1'000'000;  // nanoseconds
    for (long nap = 20'000; !is_done(); nap = nap < kLongestNap ? nap * 2 : kLongestNap) {
        const timespec time{0, nap};
        nanosleep(&time, nullptr);
    }
}

}  // namespace memfabric::shmem
