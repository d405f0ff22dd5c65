// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/deadline.h"
#include "base/log.h"

namespace memfabric::observe {

/// One wait that may take long: says in the log, every few seconds, what it waits for.
class LongWait {
 public:
    static constexpr std::chrono::seconds kPeriod{5};

    /// When it has to be looked at next, but not after `deadline`: how long to sleep at a stretch.
    Deadline stretch(Deadline deadline) const {
        return deadline.sooner(Deadline::after(
            std::chrono::duration_cast<std::chrono::milliseconds>(next_ - Deadline::Clock::now()) +
            std::chrono::milliseconds(1)));
    }

    /// `text()` says who waits for what, as in "writing to session x: it has not registered 0x10".
    template <typename Text>
    void look(const Text& text) {
        const auto now = Deadline::Clock::now();
        if (now >= next_) [[unlikely]] {
            next_ = now + kPeriod;
            log_warn("waiting for {} s: {}",
                     std::chrono::duration_cast<std::chrono::seconds>(now - begun_).count(), text());
        }
    }

 private:
    Deadline::Clock::time_point begun_ = Deadline::Clock::now();
    Deadline::Clock::time_point next_ = begun_ + kPeriod;
};

}  // namespace memfabric::observe
