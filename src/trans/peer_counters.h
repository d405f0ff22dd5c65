// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "observe/timed.h"
#include "trans/path.h"

namespace memfabric::trans {

/// Where transfers with one session are counted, by direction and path.
class PeerCounters {
 public:
    explicit PeerCounters(std::string session) : session_(std::move(session)) {}

    observe::Counted of(Direction direction, PathChoice path) const;
    /// For the log.
    std::string text(size_t pieces) const;

 private:
    static constexpr uint32_t kUnknown = UINT32_MAX;
    struct Cell {
        std::atomic<uint32_t> number{kUnknown};
    };

    const std::string session_;
    mutable std::array<std::array<Cell, 5>, 2> cells_;  // by direction and path, asked for by the first use
};

}  // namespace memfabric::trans
