// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/options.h"

namespace memfabric {

/// One life of one process: a restarted peer is a new one, even with the same pid on the same host.
struct Incarnation {
    std::string host_id;
    int64_t pid = 0;
    uint64_t start_time = 0;  // clock ticks after boot, /proc/self/stat field 22
    uint64_t random_id = 0;

    std::string text() const;
    bool operator==(const Incarnation&) const = default;
};

/// The identity of this host: option MF_HOST_ID, else the kernel's boot id.
std::string host_identity(const Options& options);

/// A new incarnation of the calling process.
Incarnation make_incarnation(const Options& options);

/// kGone: also one that has ended and whose parent has not asked for it yet. kStopped: by a signal, or by a
/// debugger.
enum class ProcessState { kGone, kLives, kStopped };

/// Of the process of that start time that has the pid among those that the caller sees.
ProcessState process_state(int64_t pid, uint64_t start_time);

/// 64 bits of the kernel's randomness.
uint64_t random_u64();

}  // namespace memfabric
