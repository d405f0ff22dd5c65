// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/deadline.h"

namespace memfabric {

/// When somebody who waits is to say in the log whom for: each time that a period has passed.
class WaitNotices {
 public:
    using Clock = Deadline::Clock;

    explicit WaitNotices(std::chrono::milliseconds period)
        : period_(period), begun_(Clock::now()), next_(begun_ + period) {}

    Clock::time_point next() const { return next_; }
    /// Once a period.
    bool is_due() {
        const Clock::time_point now = Clock::now();
        if (now < next_) {
            return false;
        }
        next_ = now + period_;
        return true;
    }
    /// Of the wait so far.
    double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
    std::chrono::milliseconds period_;
    Clock::time_point begun_;
    Clock::time_point next_;
};

}  // namespace memfabric
