// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace memfabric {

namespace fork_detail {
extern std::atomic<bool> forked_child;
}

/// Makes in_forked_child() work; called once before the first thread of the library starts. Cheap to repeat.
void watch_for_fork();

/// Whether this process was forked from one that used the library: threads and connections stayed in the
/// parent, so every call is refused here and nothing is torn down.
inline bool in_forked_child() {
    return fork_detail::forked_child.load(std::memory_order_relaxed);
}

}  // namespace memfabric
