// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace memfabric {

/// The moment by which a blocking call must end. The one type that every blocking call carries.
class Deadline {
 public:
    using Clock = std::chrono::steady_clock;

    static Deadline never() { return Deadline(Clock::time_point::max()); }
    static Deadline after(std::chrono::milliseconds duration);
    static Deadline after_seconds(unsigned seconds) { return after(std::chrono::seconds(seconds)); }

    bool is_never() const { return when_ == Clock::time_point::max(); }
    bool expired() const { return !is_never() && Clock::now() >= when_; }
    Clock::time_point when() const { return when_; }

    /// Zero once expired; the largest duration where it never ends.
    std::chrono::milliseconds remaining() const;

    /// For poll(2): milliseconds rounded up, at most `cap`; -1 where it never ends and there is no cap.
    int poll_timeout(int cap = -1) const;

    /// The earlier of the two.
    Deadline sooner(Deadline other) const { return when_ <= other.when_ ? *this : other; }

 private:
    explicit Deadline(Clock::time_point when) : when_(when) {}
    Clock::time_point when_;
};

}  // namespace memfabric
