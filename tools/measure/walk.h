// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "measure/histogram.h"

namespace memfabric::measure {

/// How a range is walked over: every thread has a part of its own, goes through it in operations of `batch`
/// blocks, and begins anew at its end.
struct WalkShape {
    size_t block = 0;
    size_t batch = 1;
    size_t threads = 1;

    size_t operation_bytes() const { return block * batch; }
};

/// One operation at `offset` of the range.
using Operation = std::function<void(size_t offset)>;

struct WalkResult {
    uint64_t bytes = 0;
    double seconds = 0;
    Histogram latencies;  // of operations

    double gigabytes_per_second() const {
        return seconds > 0 ? static_cast<double>(bytes) / seconds / 1e9 : 0;
    }
    void merge(const WalkResult& other);
};

/// Walks once over everything.
void walk_once(const WalkShape& shape, size_t range_size, const Operation& operation);

/// Lets the contenders take turns in slices of a tenth, each for `duration` in all, and returns one result
/// for each. The first exception of an operation is passed on.
std::vector<WalkResult> walk_in_turns(const WalkShape& shape, size_t range_size,
                                      std::chrono::nanoseconds duration,
                                      std::span<const Operation> contenders);

}  // namespace memfabric::measure
