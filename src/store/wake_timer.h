// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/fd.h"
#include "base/status.h"

namespace memfabric::store {

/// A timerfd: readable for poll(2) from the time on for which it was set. Not thread-safe.
class WakeTimer {
 public:
    static Result<WakeTimer> create();

    int descriptor() const { return timer_.get(); }
    void set(std::chrono::milliseconds from_now);
    /// Not readable any more, and will not be. Costs nothing where it is not set.
    void clear();

 private:
    explicit WakeTimer(Fd timer) : timer_(std::move(timer)) {}
    void arm(std::chrono::milliseconds from_now) const;
    Fd timer_;
    bool is_set_ = false;
};

}  // namespace memfabric::store
