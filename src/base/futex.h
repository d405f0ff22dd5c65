// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.h"

namespace memfabric {

/// Sleeps while `word`, which other processes may share, has the value `expected`. True: it has another, or
/// the caller was woken and should look again; false: the deadline passed. The word may lie in memory that
/// this process can only read.
bool futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);

/// Wakes everybody who sleeps at `word`, in every process.
void futex_wake_all(std::atomic<uint32_t>& word);

}  // namespace memfabric
