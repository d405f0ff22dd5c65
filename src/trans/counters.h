// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "trans/path.h"

namespace memfabric::trans {

/// What an engine has moved as initiator, by path: always on, read at any time.
class Counters {
 public:
    struct Reading {
        uint64_t operations = 0;  // a batch counts once on each path that it took
        uint64_t bytes = 0;
    };

    void count(PathChoice path, uint64_t bytes) {
        Entry& entry = entries_[static_cast<size_t>(path)];
        entry.operations.fetch_add(1, std::memory_order_relaxed);
        entry.bytes.fetch_add(bytes, std::memory_order_relaxed);
    }
    Reading read(PathChoice path) const {
        const Entry& entry = entries_[static_cast<size_t>(path)];
        return {entry.operations.load(std::memory_order_relaxed),
                entry.bytes.load(std::memory_order_relaxed)};
    }

 private:
    struct Entry {
        std::atomic<uint64_t> operations{0};
        std::atomic<uint64_t> bytes{0};
    };
    std::array<Entry, 5> entries_;
};

}  // namespace memfabric::trans
