// SPDX-License-Identifier: Apache-2.0
#include "store/wake_event.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace memfabric::store {

Result<WakeEvent> WakeEvent::create() {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return failure(errno_code(errno), "no eventfd could be made, {}", errno_text(errno));
    }
    return WakeEvent(std::move(event));
}

void WakeEvent::signal() const {
    const uint64_t one = 1;
    // Can only fail where the counter is full, and then it is readable anyway.
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

void WakeEvent::drain() const {
    uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));
}

void WakeEvent::wait(Deadline deadline) const {
    pollfd polled{event_.get(), POLLIN, 0};
    ::poll(&polled, 1, deadline.poll_timeout());
}

}  // namespace memfabric::store
