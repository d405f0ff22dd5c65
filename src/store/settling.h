// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "store/outlet.h"

namespace memfabric::store {

/// The time in which a store that was started again hears from the clients of its predecessor what they hold.
/// Until it ends nothing is granted and nothing is answered: requests are held back.
class Settling {
 public:
    using Clock = std::chrono::steady_clock;

    struct Held {
        RequestKey request;
        Operation operation = Operation::kSet;
        std::string body;
    };

    /// `max_bytes`: of requests that are held back, about.
    Settling(std::chrono::milliseconds time, uint64_t max_bytes) : time_(time), max_bytes_(max_bytes) {}

    void begin(Clock::time_point now);
    /// A client of the predecessor has come: who comes with it is waited for.
    void prolong(Clock::time_point now);
    /// Goes on for so long, until `most` after its beginning; false where that is over.
    bool go_on(Clock::time_point now, std::chrono::milliseconds period, std::chrono::milliseconds most);
    bool is_on() const { return ends_.has_value(); }
    std::optional<Clock::time_point> ends() const { return ends_; }
    /// What was held back, in order of arrival.
    std::vector<Held> end();

    /// False where no more can be held back.
    bool hold(Held request);
    /// Whether the request was held back.
    bool cancel(RequestKey request);
    void end_session(uint64_t session);

 private:
    std::chrono::milliseconds time_;
    uint64_t max_bytes_;
    uint64_t bytes_ = 0;
    std::optional<Clock::time_point> ends_;
    Clock::time_point began_;
    Clock::time_point latest_;
    std::vector<Held> held_;
};

}  // namespace memfabric::store
