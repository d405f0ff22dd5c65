// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/deadline.h"

namespace memfabric::transport {

/// Who spins for an answer may keep its processor from whoever is to give it: yields often where somebody
/// took the processor, seldom where nobody did.
class SpinYield {
 public:
    using Clock = Deadline::Clock;

    explicit SpinYield(Clock::time_point now) : at_(now + kShortest) {}

    /// To be called in every turn. The time afterwards.
    Clock::time_point yield_if_due(Clock::time_point now) {
        if (now < at_) {
            return now;
        }
        std::this_thread::yield();
        const Clock::time_point after = Clock::now();
        every_ = after - now > kNobodyTook ? kShortest : std::min(2 * every_, kLongest);
        at_ = after + every_;
        return after;
    }

 private:
    static constexpr Clock::duration kShortest = std::chrono::microseconds(4);
    static constexpr Clock::duration kLongest = std::chrono::microseconds(16);
    static constexpr Clock::duration kNobodyTook = std::chrono::microseconds(2);

    Clock::duration every_ = kShortest;
    Clock::time_point at_;
};

}  // namespace memfabric::transport
