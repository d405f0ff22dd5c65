// SPDX-License-Identifier: Apache-2.0
#include "measure/walk.h"

#include <algorithm>
#include <exception>
#include <latch>
#include <stdexcept>
#include <thread>

namespace memfabric::measure {
namespace {

using Clock = std::chrono::steady_clock;

/// A thread's part of the ranges, whole operations only.
struct Part {
    size_t begin;
    size_t end;
};

Part part_of(const WalkShape& shape, size_t range_size, size_t thread) {
    const size_t operations = range_size / shape.operation_bytes() / shape.threads;
    if (operations == 0) {
        throw std::runtime_error(
            "the memory is too small for one operation a thread: smaller blocks, batches or fewer threads");
    }
    const size_t size = operations * shape.operation_bytes();
    return {.begin = thread * size, .end = (thread + 1) * size};
}

void on_threads(size_t count, const std::function<void(size_t thread)>& work) {
    std::vector<std::exception_ptr> errors(count);
    {
        std::vector<std::jthread> threads;
        for (size_t thread = 0; thread < count; ++thread) {
            threads.emplace_back([&, thread] {
                try {
                    work(thread);
                } catch (...) {
                    errors[thread] = std::current_exception();
                }
            });
        }
    }
    for (const std::exception_ptr& error : errors) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
}

/// One thread's walk from a place on; returns where it stopped.
size_t walk_part(const WalkShape& shape, const Part& part, size_t position, Clock::time_point end,
                 const Operation& operation, WalkResult& result) {
    for (Clock::time_point before = Clock::now(); before < end;) {
        operation(position);
        const Clock::time_point after = Clock::now();
        result.latencies.add(static_cast<uint64_t>(std::chrono::nanoseconds(after - before).count()));
        result.bytes += shape.operation_bytes();
        before = after;
        position += shape.operation_bytes();
        if (position >= part.end) {
            position = part.begin;
        }
    }
    return position;
}

/// Walks on from `positions`, one a thread.
WalkResult walk_on(const WalkShape& shape, size_t range_size, std::chrono::nanoseconds duration,
                   const Operation& operation, std::vector<size_t>& positions) {
    std::vector<WalkResult> results(shape.threads);
    std::latch start(static_cast<ptrdiff_t>(shape.threads));
    on_threads(shape.threads, [&](size_t thread) {
        const Part part = part_of(shape, range_size, thread);
        start.arrive_and_wait();
        const Clock::time_point begin = Clock::now();
        positions[thread] =
            walk_part(shape, part, positions[thread], begin + duration, operation, results[thread]);
        results[thread].seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    });
    WalkResult total;
    for (const WalkResult& result : results) {
        total.bytes += result.bytes;
        total.seconds = std::max(total.seconds, result.seconds);
        total.latencies.merge(result.latencies);
    }
    return total;
}

std::vector<size_t> first_positions(const WalkShape& shape, size_t range_size) {
    std::vector<size_t> positions;
    for (size_t thread = 0; thread < shape.threads; ++thread) {
        positions.push_back(part_of(shape, range_size, thread).begin);
    }
    return positions;
}

}  // namespace

void WalkResult::merge(const WalkResult& other) {
    bytes += other.bytes;
    seconds += other.seconds;
    latencies.merge(other.latencies);
}

void walk_once(const WalkShape& shape, size_t range_size, const Operation& operation) {
    on_threads(shape.threads, [&](size_t thread) {
        const Part part = part_of(shape, range_size, thread);
        for (size_t position = part.begin; position < part.end; position += shape.operation_bytes()) {
            operation(position);
        }
    });
}

std::vector<WalkResult> walk_in_turns(const WalkShape& shape, size_t range_size,
                                      std::chrono::nanoseconds duration,
                                      std::span<const Operation> contenders) {
    constexpr int kSlices = 10;
    std::vector<WalkResult> results(contenders.size());
    std::vector<size_t> positions = first_positions(shape, range_size);
    for (int slice = 0; slice < kSlices; ++slice) {
        for (size_t which = 0; which < contenders.size(); ++which) {
            results[which].merge(
                walk_on(shape, range_size, duration / kSlices, contenders[which], positions));
        }
    }
    return results;
}

}  // namespace memfabric::measure
