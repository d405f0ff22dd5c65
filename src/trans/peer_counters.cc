// SPDX-License-Identifier: Apache-2.0
#include "trans/peer_counters.h"

#include <fmt/format.h>

namespace memfabric::trans {
namespace {

observe::Path path_of(PathChoice path) {
    switch (path) {
        case PathChoice::kMapped:
            return observe::Path::kMapped;
        case PathChoice::kAttach:
            return observe::Path::kAttach;
        case PathChoice::kStaging:
            return observe::Path::kStaging;
        case PathChoice::kFabric:
            return observe::Path::kFabric;
        case PathChoice::kAuto:
            break;
    }
    return observe::Path::kNone;
}

}  // namespace

observe::Counted PeerCounters::of(Direction direction, PathChoice path) const {
    const auto operation =
        direction == Direction::kWrite ? observe::Operation::kTransWrite : observe::Operation::kTransRead;
    std::atomic<uint32_t>& cell =
        cells_.at(static_cast<size_t>(direction)).at(static_cast<size_t>(path)).number;
    uint32_t number = cell.load(std::memory_order_relaxed);
    if (number == kUnknown) {
        number = observe::cell_of(operation, path_of(path), session_);
        cell.store(number, std::memory_order_relaxed);
    }
    return {operation, path_of(path), number};
}

std::string PeerCounters::text(size_t pieces) const {
    return fmt::format("session {}: {} {}", session_, pieces, pieces == 1 ? "piece" : "pieces");
}

}  // namespace memfabric::trans
