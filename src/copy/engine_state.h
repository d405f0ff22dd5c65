// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "copy/chooser.h"
#include "copy/engine.h"
#include "copy/thread_team.h"

namespace memfabric::copy {

struct Engine::State {
    explicit State(const Options& options);

    /// Whether a call of `total` bytes is shared between threads.
    bool is_shared(size_t total) const { return team.helpers() > 0 && total >= parallel_min; }

    /// Bytes that a thread takes at a time of a call of `total`: small enough that all end about together,
    /// large enough that taking them costs nothing; a multiple of the page size, and never more than the team
    /// can count.
    size_t chunk_size(size_t total) const {
        constexpr size_t kPage = 4096;
        constexpr size_t kSmallest = size_t{256} * 1024;
        constexpr size_t kLargest = size_t{4} * 1024 * 1024;
        constexpr size_t kChunksPerThread = 16;
        constexpr size_t kMostChunks = std::numeric_limits<uint32_t>::max() / 2;
        const size_t wanted = total / ((team.helpers() + 1) * kChunksPerThread);
        const size_t chunk = std::max(std::clamp(wanted, kSmallest, kLargest), total / kMostChunks);
        return (chunk + kPage - 1) / kPage * kPage;
    }

    const size_t parallel_min;
    Chooser chooser;
    ThreadTeam team;
};

}  // namespace memfabric::copy
