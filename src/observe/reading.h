// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "observe/board_layout.h"

namespace memfabric::observe {

/// What a process has counted, of all its threads, at one moment.
struct Reading {
    struct Count {
        Operation operation = Operation::kOther;
        Path path = Path::kNone;
        std::string peer;
        uint64_t operations = 0;
        uint64_t bytes = 0;
    };
    struct Time {
        Operation operation = Operation::kOther;
        Path path = Path::kNone;
        uint64_t nanoseconds = 0;       // of all that were measured
        std::vector<uint64_t> buckets;  // kBuckets
        uint64_t measured() const;
        /// What that part (0 to 1) of the measured did not take longer than, to a factor of two; nanoseconds.
        uint64_t quantile(double part) const;
    };
    struct Error {
        std::string where;
        int32_t code = 0;
        uint64_t count = 0;
    };

    int64_t pid = 0;
    uint64_t started = 0;  // seconds since 1970
    std::string program;
    std::string host_id;
    std::string metrics;
    std::vector<Count> counts;  // of what happened at all
    std::vector<Time> times;
    std::vector<Error> errors;
};

/// Of another process: nothing in it is believed that could not be written by anybody. kNotSupported where it
/// was written by another build.
Result<Reading> read_board(int descriptor);
/// Of this process.
Result<Reading> read_own_board();

/// All processes of this user that this one can see, but for itself, in the order of their pids. `pid` of
/// each is what it is called here.
std::vector<Reading> read_processes();

}  // namespace memfabric::observe
