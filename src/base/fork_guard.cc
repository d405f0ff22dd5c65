// SPDX-License-Identifier: Apache-2.0
#include "base/fork_guard.h"

#include <pthread.h>

namespace memfabric {

std::atomic<bool> fork_detail::forked_child{false};

void watch_for_fork() {
    static const int registered = pthread_atfork(
        nullptr, nullptr, [] { fork_detail::forked_child.store(true, std::memory_order_relaxed); });
    static_cast<void>(registered);
}

}  // namespace memfabric
