// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/log.h"
#include "base/wait_notices.h"

namespace memfabric::observe {

/// How often a wait is told of: MF_WAIT_NOTICE.
extern constinit std::atomic<int64_t> wait_notice_milliseconds;

/// One wait that may take long: says in the log, every so often, what it waits for.
class LongWait {
 public:
    /// How long to sleep at a stretch, so that look() is called in time; not beyond `deadline`.
    Deadline stretch(Deadline deadline) const {
        return deadline.sooner(Deadline::after(
            std::chrono::ceil<std::chrono::milliseconds>(notices_.next() - Deadline::Clock::now())));
    }

    /// `text()` says who waits for what, as in "a transfer with session x: it has not registered 0x10".
    template <typename Text>
    void look(const Text& text) {
        if (notices_.is_due()) [[unlikely]] {
            log_warn("waiting for {:.1f} s: {}", notices_.seconds(), text());
        }
    }

 private:
    WaitNotices notices_{std::chrono::milliseconds(wait_notice_milliseconds.load(std::memory_order_relaxed))};
};

}  // namespace memfabric::observe
