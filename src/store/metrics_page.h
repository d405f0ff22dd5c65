// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/endpoint.h"
#include "store/wire.h"

namespace memfabric::store {

/// Requests that a store has begun to carry out, by what they ask for.
class RequestTally {
 public:
    void count(Operation operation) {
        const size_t place = static_cast<size_t>(operation) - kFirst;
        if (place < counts_.size()) {  // else: the client asks for what there is not
            ++counts_[place];
        }
    }
    uint64_t of(Operation operation) const { return counts_.at(static_cast<size_t>(operation) - kFirst); }

 private:
    static constexpr auto kFirst = static_cast<size_t>(Operation::kSet);
    std::array<uint64_t, static_cast<size_t>(Operation::kHearAll) - kFirst + 1> counts_{};
};

/// What a config store has at one moment, and what it has done so far.
struct Statistics {
    uint64_t connections = 0;
    // Sessions of clients.
    uint64_t connected = 0;
    uint64_t suspect = 0;  // connected, and silent
    uint64_t away = 0;     // about to come back, or to be lost
    uint64_t lost = 0;     // so far
    uint64_t evicted = 0;  // so far
    uint64_t keys = 0;
    uint64_t key_bytes = 0;  // of names and values
    uint64_t messages = 0;   // that it has received from clients so far
    RequestTally requests;
    std::map<int32_t, uint64_t> failures;  // answers so far, by code
    uint64_t waiting = 0;                  // requests without an answer yet
    uint64_t barriers = 0;                 // that some ranks wait in
    uint64_t all_gathers = 0;
    bool is_settling = false;
};

/// In Prometheus' text format.
std::string metrics_page(const Endpoint& store, const Statistics& now);

}  // namespace memfabric::store
