// SPDX-License-Identifier: Apache-2.0
// What the files that carry out the Messenger share: requests under way, and the lines that they go over.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "transport/fabric/messages.h"

namespace memfabric::transport {

/// Guarded by the messenger's mutex_.
struct Messenger::Pending {
    std::atomic<bool> done{false};
    std::atomic<bool> came_back{false};  // the engine returned the message
    Fd waker;                            // of a caller that sleeps
    Answer answer;

    void wake() const;
};

class Messenger::Route {
 public:
    static constexpr size_t kMostSpares = 3;

    Route(std::span<const Way> led_by, uint64_t life) : ways(led_by.begin(), led_by.end()), instance(life) {
        lines.reserve(ways.size() * (1 + kMostSpares));
    }

    const std::vector<Way> ways;  // never none
    const uint64_t instance;
    std::atomic<size_t> preferred{0};  // the line that the last answer came for

    // Guarded by the messenger's mutex_.
    std::vector<Line> lines;  // for each way; then, for each spare endpoint that was tried, the same again
    std::optional<Deadline::Clock::time_point> silent_since;  // the first request after its last answer
    size_t spares = 0;                                        // written by the messenger's thread alone
    bool is_doubted = false;                                  // it is to get a spare
    Deadline::Clock::time_point spare_at;                     // when it got, or should have got, the last one
    std::map<uint64_t, Pending*> pending;
};

}  // namespace memfabric::transport
