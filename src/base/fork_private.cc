// SPDX-License-Identifier: Apache-2.0
#include "base/fork_private.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <set>

namespace memfabric {
namespace {

struct Registry {
    std::mutex mutex;
    std::set<int> descriptors;
};

/// Never destroyed: other objects may still be while the process exits.
Registry& registry() {
    static Registry* const kRegistry = std::make_unique<Registry>().release();
    return *kRegistry;
}

void before_fork() {
    registry().mutex.lock();
}

void after_fork_in_parent() {
    registry().mutex.unlock();
}

void after_fork_in_child() {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int descriptor : registry().descriptors) {
        if (nothing < 0 || ::dup3(nothing, descriptor, O_CLOEXEC) < 0) {
            ::close(descriptor);
        }
    }
    if (nothing >= 0) {
        ::close(nothing);
    }
    registry().descriptors.clear();
    registry().mutex.unlock();
}

}  // namespace

void keep_from_children(int descriptor) {
    static std::once_flag installed;
    std::call_once(installed, [] { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); });
    const std::lock_guard lock(registry().mutex);
    registry().descriptors.insert(descriptor);
}

void forget_descriptor(int descriptor) {
    const std::lock_guard lock(registry().mutex);
    registry().descriptors.erase(descriptor);
}

}  // namespace memfabric
