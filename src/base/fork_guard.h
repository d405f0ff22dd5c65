// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace memfabric {

namespace fork_detail {
extern std::atomic<bool> forked_child;
}

/// From now on this process has what a forked child cannot take over, and in_forked_child() is true there;
/// called before the first thread of the library starts. Until then a child is as good as any process. Cheap
/// to repeat.
void watch_for_fork();
/// Has the guard's own work in the child be done before that of handlers which are registered afterwards.
void prepare_for_fork();

/// Says that a descriptor is the library's own: a forked child closes its copy of it at once. Otherwise a
/// child that lives longer would keep connections open whose end tells others of the parent's death, and the
/// store's port taken.
void close_in_forked_child(int descriptor);
/// Undoes it; to be called before the descriptor is closed or given away.
void forget_in_forked_child(int descriptor);

/// Whether this process was forked from one that had threads of the library: these and their connections
/// stayed in the parent, so every call is refused here and nothing is torn down.
inline bool in_forked_child() {
    return fork_detail::forked_child.load(std::memory_order_relaxed);
}

}  // namespace memfabric
