// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/attempt.h"
#include "observe/counters.h"

namespace memfabric::observe {

/// What takes so long is logged (MF_SLOW_OPERATION); never, where that is not set.
extern constinit std::atomic<int64_t> slow_nanoseconds;

/// One line: the operation, its time, and what it was about.
void log_slow(Operation operation, Path path, std::chrono::nanoseconds time, const std::string& about);

/// The same where it took so long; `about()` gives the text. What is done is done, whether or not there is
/// memory to tell of it.
template <typename About>
void log_if_slow(Operation operation, Path path, std::chrono::nanoseconds time, const About& about) {
    if (time.count() >= slow_nanoseconds.load(std::memory_order_relaxed)) [[unlikely]] {
        static_cast<void>(did_with_memory([&] { log_slow(operation, path, time, about()); }));
    }
}

/// An operation, its way, and where it is counted.
struct Counted {
    Operation operation = Operation::kOther;
    Path path = Path::kNone;
    uint32_t cell = 0;
};

/// One operation from here to done(). Its time is taken where it enters the kernel or the fabric; of mapped
/// ones of every 1024th, and of those that take longer than looking at the clock by far.
class Timed {
 public:
    using Clock = std::chrono::steady_clock;

    Timed(Counted what, uint64_t bytes) : Timed(what, bytes, {1, bytes}) {}

    /// What is done with it at once, itself included.
    struct Batch {
        uint64_t operations = 1;
        uint64_t bytes = 0;
    };
    /// The first one of a batch, whose time is that of all. The caller counts the others.
    Timed(Counted what, uint64_t bytes, [[maybe_unused]] Batch batch) : what_(what), bytes_(bytes) {
#if MEMFABRIC_COUNTERS
        const bool is_mapped = what.path == Path::kMapped;
        is_measured_ = !is_mapped || is_sampled(what.cell, batch.operations);
        has_clock_ = is_measured_ || batch.bytes >= kLong;
        if (has_clock_) {
            begun_ = Clock::now();
        }
#endif
    }

    /// It has succeeded. `about()` gives the text for the case that it was slow.
    template <typename About>
    void done(const About& about) const {
        static_cast<void>(count(what_.cell, bytes_));
        if (has_clock_) {
            const std::chrono::nanoseconds time = Clock::now() - begun_;
            if (is_measured_) {
                record_time(what_.operation, what_.path, time);
            }
            log_if_slow(what_.operation, what_.path, time, about);
        }
    }

 private:
    static constexpr uint64_t kLong = uint64_t{256} << 10;  // bytes

    Counted what_;
    uint64_t bytes_;
    bool is_measured_ = false;
    bool has_clock_ = false;
    Clock::time_point begun_;
};

}  // namespace memfabric::observe
