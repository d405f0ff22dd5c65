// SPDX-License-Identifier: Apache-2.0
#include "store/wake_timer.h"

#include <sys/timerfd.h>

#include <cerrno>

namespace memfabric::store {

Result<WakeTimer> WakeTimer::create() {
    Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.is_open()) {
        return failure(errno_code(errno), "no timerfd could be made, {}", errno_text(errno));
    }
    return WakeTimer(std::move(timer));
}

void WakeTimer::set(std::chrono::milliseconds from_now) {
    arm(from_now);
    is_set_ = true;
}

void WakeTimer::clear() {
    if (is_set_) {
        arm(std::chrono::milliseconds(0));
        is_set_ = false;
    }
}

/// Of a timer that is its own, and of a time in range, the kernel refuses nothing.
void WakeTimer::arm(std::chrono::milliseconds from_now) const {
    itimerspec when{};
    when.it_value.tv_sec = from_now.count() / 1000;
    when.it_value.tv_nsec = from_now.count() % 1000 * 1'000'000;
    ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace memfabric::store
