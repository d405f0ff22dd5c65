// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "base/fd.h"
#include "base/status.h"

namespace memfabric::transport {

/// Stands for the descriptor of a completion queue whose provider wakes nobody (`efa`, `shm`, `udp;ofi_rxd`):
/// it is readable after a pause. Pauses grow from one to the next, until something happens. Thread-safe.
class PollTimer {
 public:
    static Result<std::unique_ptr<PollTimer>> open();

    int descriptor() const { return timer_.get(); }
    /// To be called before each sleep. The descriptor is not readable until the pause is over.
    void arm();
    /// The next pause is a short one.
    void note_activity() { pause_.store(kShortest, std::memory_order_relaxed); }

 private:
    static constexpr std::chrono::microseconds kShortest{50};
    static constexpr std::chrono::microseconds kLongest{1000};

    explicit PollTimer(Fd timer) : timer_(std::move(timer)) {}

    const Fd timer_;
    std::atomic<std::chrono::microseconds> pause_{kShortest};
};

}  // namespace memfabric::transport
