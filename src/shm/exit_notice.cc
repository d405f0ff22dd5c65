// SPDX-License-Identifier: Apache-2.0
#include "shm/exit_notice.h"

#include <charconv>
#include <utility>

#include "base/thread.h"

namespace memfabric::shm {

Status ExitNotice::set_handler(ExitHandler handler, Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        if (handler_) {
            return {Code::kError, "a function is registered already; there is one an object and process"};
        }
        handler_ = std::move(handler);
    }
    const auto on_change = [weak = weak_from_this()](std::string_view,
                                                     const std::optional<std::string>& value) {
        const auto self = weak.lock();
        int status = 0;
        if (self && value &&
            std::from_chars(value->data(), value->data() + value->size(), status).ec == std::errc()) {
            self->fire(status);
        }
    };
    const Result<uint64_t> watch = store_.watch(key_, on_change, deadline);
    const std::lock_guard lock(mutex_);
    if (!watch.is_ok()) {
        handler_ = nullptr;
        return watch.status();
    }
    watch_ = *watch;
    return {};
}

Status ExitNotice::announce(int status, Deadline deadline) {
    Status told = store_.set(key_, std::to_string(status), deadline);
    {
        const std::lock_guard lock(mutex_);
        announced_ = true;
    }
    fire(status);
    return told;
}

void ExitNotice::fire(int status) {
    const std::lock_guard lock(mutex_);
    announced_ = true;
    if (!handler_ || fired_) {
        return;
    }
    // The program's function may block for good or end the process: nobody waits for this thread. The handler
    // stays: no second one may be registered.
    const ExitHandler handler = handler_;
    start_thread("mf-exit", [handler, status](const std::stop_token&) { handler(status); }).detach();
    fired_ = true;
}

void ExitNotice::close(Deadline deadline) {
    uint64_t watch = 0;
    {
        const std::lock_guard lock(mutex_);
        fired_ = true;
        watch = std::exchange(watch_, 0);
    }
    if (watch != 0) {
        static_cast<void>(store_.unwatch(watch, deadline));
    }
}

void ExitNotice::forget(Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        if (!announced_) {
            return;
        }
    }
    static_cast<void>(store_.remove(key_, deadline));
}

}  // namespace memfabric::shm
