// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/poll_timer.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace memfabric::transport {

Result<std::unique_ptr<PollTimer>> PollTimer::open() {
    Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.is_open()) {
        return failure(errno_code(errno), "timerfd_create failed: {}", errno_text(errno));
    }
    return std::unique_ptr<PollTimer>(new PollTimer(std::move(timer)));
}

void PollTimer::arm() {
    const std::chrono::microseconds pause = pause_.load(std::memory_order_relaxed);
    pause_.store(std::min(2 * pause, kLongest), std::memory_order_relaxed);
    itimerspec when{};
    when.it_value.tv_nsec = std::chrono::nanoseconds(pause).count();
    ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace memfabric::transport
