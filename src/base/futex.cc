// SPDX-License-Identifier: Apache-2.0
#include "base/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>

namespace memfabric {
namespace {

static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(std::atomic<uint32_t>) == 4);

/// The steady clock is CLOCK_MONOTONIC, which FUTEX_WAIT_BITSET measures by.
timespec to_timespec(Deadline::Clock::time_point when) {
    const auto since_start = when.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_start);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since_start - seconds);
    return {.tv_sec = static_cast<time_t>(seconds.count()), .tv_nsec = static_cast<long>(rest.count())};
}

}  // namespace

bool futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline) {
    const timespec until = deadline.is_never() ? timespec{} : to_timespec(deadline.when());
    const timespec* const limit = deadline.is_never() ? nullptr : &until;
    const long outcome =
        ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, limit, nullptr, FUTEX_BITSET_MATCH_ANY);
    return outcome == 0 || errno != ETIMEDOUT;
}

void futex_wake_all(std::atomic<uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace memfabric
