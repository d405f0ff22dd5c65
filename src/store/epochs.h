// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/status.h"

namespace memfabric::store {

/// Numbers what a store grants, so that of two that claim the same the later grant is known. They grow over
/// all starts of a store, since they begin with the time of day.
class Epochs {
 public:
    uint64_t next() { return ++last_; }

    /// Whether a claim from an earlier start of the store takes what a holder has that says the same. Only
    /// while all are asked to say what they hold: afterwards nobody loses anything to a mere claim.
    bool wins(uint64_t claimed, uint64_t held) const { return is_settling_ && claimed > held; }
    void begin_settling() { is_settling_ = true; }
    void settle() { is_settling_ = false; }

    /// A client of an earlier start of the store says that it was granted something. Refuses what no store
    /// can have granted.
    Status take_note(uint64_t granted) {
        constexpr auto kClockError = std::chrono::hours(24);  // by which the clock may have been set back
        if (granted == 0 || granted > now() + std::chrono::nanoseconds(kClockError).count()) {
            return failure(Code::kStoreInvalidMessage, "restoring: no store has granted epoch {}", granted);
        }
        last_ = std::max(last_, granted);
        return {};
    }

 private:
    static uint64_t now() {
        return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count());
    }

    uint64_t last_ = now();
    bool is_settling_ = false;
};

}  // namespace memfabric::store
