// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/deadline.h"

namespace memfabric {

/// When somebody who waits is to say in the log whom for: each time that a period has passed. One wait may
/// have others inside it; the thread says it once for all of them.
class WaitNotices {
 public:
    using Clock = Deadline::Clock;

    explicit WaitNotices(std::chrono::milliseconds period)
        : period_(period), begun_(Clock::now()), next_(begun_ + period) {}

    Clock::time_point next() const { return next_; }
    /// Once a period; then the caller says it.
    bool is_due() {
        const Clock::time_point now = Clock::now();
        if (now < next_) {
            return false;
        }
        if (now - said_ < period_) {
            next_ = said_ + period_;
            return false;
        }
        next_ = now + period_;
        said_ = now;
        return true;
    }
    /// Of the wait so far.
    double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
    static inline thread_local Clock::time_point said_{};  // by this thread, of any wait

    std::chrono::milliseconds period_;
    Clock::time_point begun_;
    Clock::time_point next_;
};

}  // namespace memfabric
