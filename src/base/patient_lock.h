// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <thread>

#include "base/deadline.h"

namespace memfabric {

/// For what threads that end the process do: another one may be inside, and whoever did not wait for it would
/// end the process halfway. Not for ever, since the process may exit from a signal's handler on the thread
/// that is inside: then the lock is not owned. By trying, since ThreadSanitizer does not know the locking of
/// a std::timed_mutex.
inline std::unique_lock<std::mutex> lock_with_patience(std::mutex& mutex) {
    constexpr unsigned kPatience = 2;  // seconds
    constexpr auto kPause = std::chrono::milliseconds(1);
    const Deadline deadline = Deadline::after_seconds(kPatience);
    std::unique_lock lock(mutex, std::try_to_lock);
    while (!lock.owns_lock() && !deadline.expired()) {
        std::this_thread::sleep_for(kPause);
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

}  // namespace memfabric
