// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "shmem/told_wait.h"

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

/// Has the library count what the next function tells. Once this process is a PE.
void watch_remote_changes();
/// Changes whenever another host has changed this process's memory.
uint32_t remote_changes();
/// Sleeps that long, or until remote_changes() is another number than `seen`.
void nap(uint32_t seen, long nanoseconds);

/// Whether it is worth while to look at what comes in from other hosts, and doing so.
bool has_other_hosts();
void let_in();

/// Naps longer and longer up to a millisecond, since those who write with plain stores wake nobody.
template <typename Done>
void nap_until(const Awaited& awaited, const Done& is_done) {
    constexpr long kLongestNap = 1'000'000;  // nanoseconds
    ToldWait told(awaited);
    for (long length = 20'000;; length = length < kLongestNap ? length * 2 : kLongestNap) {
        const uint32_t seen = remote_changes();
        if (is_done()) {
            return;
        }
        nap(seen, length);
        told.look();
    }
}

/// Until `is_done()`: spins, then lets others run, then naps. Over several hosts it looks at what comes in by
/// itself, since a thread that does so for it has to be woken first.
template <typename Done>
void wait_until(const Awaited& awaited, const Done& is_done) {
    if (has_other_hosts()) {
        constexpr int kLooks = 200;
        constexpr int kLooksOfOneProcessor = 8;
        const int looks_before_yield = spins_before_yield() > 1 ? kLooksOfOneProcessor : 1;
        for (int i = 1; i <= kLooks; ++i) {
            if (is_done()) {
                return;
            }
            let_in();
            if (i % looks_before_yield == 0) {
                sched_yield();
            }
        }
        nap_until(awaited, is_done);
        return;
    }
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
    nap_until(awaited, is_done);
}

}  // namespace memfabric::shmem
