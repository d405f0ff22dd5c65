// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace memfabric::transport {

/// Whom to tell that foreign operations may have changed our memory.
class Activity {
 public:
    /// On return the one before does not run and never will.
    void set(std::function<void()> listener) {
        const std::lock_guard lock(mutex_);
        listener_ = std::move(listener);
    }
    void tell() {
        const std::lock_guard lock(mutex_);
        if (listener_) {
            listener_();
        }
    }

 private:
    std::mutex mutex_;
    std::function<void()> listener_;  // guarded by mutex_
};

}  // namespace memfabric::transport
