// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/status.h"

namespace memfabric::transport {

struct Answer {
    Code code = Code::kOk;
    std::string bytes;  // a text where the code is not kOk
};

/// What was answered to whom, so that a request which comes twice (its sender did not get the answer, because
/// a connection broke) is carried out once. Not thread-safe.
class AnswerBook {
 public:
    using Clock = std::chrono::steady_clock;
    enum class Novelty { kNew, kUnderWay, kAnswered, kStale };

    /// Enters the request where it is new. `oldest`: the sender's lowest request that still waits.
    Novelty enter(uint64_t sender, uint64_t id, uint64_t oldest);
    void answered(uint64_t sender, uint64_t id, std::shared_ptr<const Answer> answer);
    /// Of a request that was not carried out after all: it is new when it comes again.
    void forget(uint64_t sender, uint64_t id);
    /// Of a request that is kAnswered.
    std::shared_ptr<const Answer> answer(uint64_t sender, uint64_t id) const;

    /// Answers longer than a few bytes that are older than a minute are replaced by a refusal: their sender
    /// is gone, or waits no more.
    void shrink(Clock::time_point now);

 private:
    static constexpr size_t kMostSenders = 4096;
    static constexpr size_t kMostEntries = 4096;  // of one sender: more than wait there at once

    struct Entry {
        std::shared_ptr<const Answer> answer;  // none while it is under way
        Clock::time_point when;
    };
    struct Sender {
        std::map<uint64_t, Entry> entries;
        uint64_t floor = 0;  // requests below are over
        Clock::time_point last_heard;
    };

    void forget_the_most_silent();

    std::unordered_map<uint64_t, Sender> senders_;
};

}  // namespace memfabric::transport
