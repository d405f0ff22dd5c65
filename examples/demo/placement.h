// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace demo {

/// Where the stream lies in the pool: in stripes, dealt to the ranks in turn.
struct Placement {
    static constexpr uint64_t kLargestStripe = uint64_t{8} << 20;
    static constexpr uint64_t kLargestBlock = uint64_t{64} << 20;
    static constexpr uint64_t kGranule = uint64_t{2}
                                         << 20;  // a rank's part of the pool is a multiple of this

    uint64_t total;
    uint64_t ranks;

    /// Small inputs get small stripes, so that every rank holds a part.
    uint64_t stripe() const { return std::min(kLargestStripe, (total + ranks - 1) / ranks); }

    uint64_t region_size() const {
        const uint64_t stripes = (total + stripe() - 1) / stripe();
        const uint64_t used = (stripes + ranks - 1) / ranks * stripe();
        return (used + kGranule - 1) / kGranule * kGranule;
    }

    uint32_t rank_of(uint64_t offset) const { return static_cast<uint32_t>(offset / stripe() % ranks); }
    uint64_t offset_in_region(uint64_t offset) const {
        return offset / stripe() / ranks * stripe() + offset % stripe();
    }
    /// Bytes from `offset` on that lie together.
    uint64_t run_length(uint64_t offset) const {
        return std::min(stripe() - offset % stripe(), total - offset);
    }

    /// What is copied and timed at once; larger than caches where the input is.
    uint64_t block() const { return std::min(kLargestBlock, total); }
    /// The pool, and two buffers of a block at each rank.
    uint64_t memory_needed() const { return ranks * (region_size() + 2 * block()); }
};

}  // namespace demo
