// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace memfabric::measure {

/// Counts durations in buckets that are each at most 1/32 wide of their value, so that any number of them
/// fits.
class Histogram {
 public:
    void add(uint64_t nanoseconds) {
        ++counts_[bucket_of(nanoseconds)];
        ++total_;
    }

    void merge(const Histogram& other) {
        for (size_t i = 0; i < kBuckets; ++i) {
            counts_[i] += other.counts_[i];
        }
        total_ += other.total_;
    }

    uint64_t count() const { return total_; }

    /// The duration that `share` (0 to 1) of the counted ones do not exceed, in nanoseconds; 0 where there
    /// are none.
    uint64_t quantile(double share) const {
        const auto rank = static_cast<uint64_t>(share * static_cast<double>(total_));
        uint64_t seen = 0;
        for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
            seen += counts_[bucket];
            if (seen > rank || (seen == total_ && seen > 0)) {
                return highest_of(bucket);
            }
        }
        return 0;
    }

 private:
    static constexpr unsigned kSubBits = 5;
    static constexpr size_t kSub = size_t{1} << kSubBits;
    static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSub;

    /// Values below kSub have a bucket each; above, every power of two has kSub buckets.
    static size_t bucket_of(uint64_t value) {
        if (value < kSub) {
            return static_cast<size_t>(value);
        }
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
        return (shift + 1) * kSub + static_cast<size_t>((value >> shift) - kSub);
    }

    static uint64_t highest_of(size_t bucket) {
        if (bucket < kSub) {
            return bucket;
        }
        const auto shift = static_cast<unsigned>(bucket / kSub - 1);
        return ((kSub + bucket % kSub + 1) << shift) - 1;
    }

    std::array<uint64_t, kBuckets> counts_{};
    uint64_t total_ = 0;
};

}  // namespace memfabric::measure
