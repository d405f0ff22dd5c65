// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "memory/address_range.h"

namespace memfabric::memory {

/// What every rank contributes to one object. The same at every rank: it fixes the window.
struct RegionShape {
    uint64_t hbm_size = 0;   // bytes
    uint64_t dram_size = 0;  // bytes

    uint64_t size() const { return hbm_size + dram_size; }
    /// What the store compares and quotes.
    std::string text() const {
        return fmt::format("HBM {} bytes and DRAM {} bytes a rank", hbm_size, dram_size);
    }
    bool operator==(const RegionShape&) const = default;
};

/// Multiples of 2 MiB, each at most `limit`, not both zero.
Status check_region_shape(const RegionShape& shape, uint64_t limit);

/// The part of the arena that belongs to one object: `slots` regions of one size, rank r's at base + r *
/// stride, each its HBM part, then its DRAM part.
class Window {
 public:
    Window(uint64_t base, uint32_t slots, RegionShape shape);

    AddressRange range() const { return {base_, stride_ * slots_}; }
    uint64_t base() const { return base_; }
    uint64_t stride() const { return stride_; }
    uint32_t slots() const { return slots_; }
    const RegionShape& shape() const { return shape_; }

    AddressRange region(uint32_t rank) const { return {base_ + rank * stride_, stride_}; }
    AddressRange hbm(uint32_t rank) const { return {region(rank).begin, shape_.hbm_size}; }
    AddressRange dram(uint32_t rank) const {
        return {region(rank).begin + shape_.hbm_size, shape_.dram_size};
    }

    /// Only where range().contains(address, 1).
    uint32_t rank_of(uint64_t address) const {
        const uint64_t granule = (address - base_) / kRegionGranularity;
        return static_cast<uint32_t>(static_cast<WideProduct>(granule) * units_reciprocal_ >>
                                     kReciprocalBits);
    }

 private:
    // The division by the stride, which every copy needs, as a multiplication: exact while window and stride
    // have fewer than 2^26 granules (the arena has at most 64 TiB, 2^25 of them).
    static constexpr unsigned kReciprocalBits = 52;
    __extension__ using WideProduct = unsigned __int128;

    uint64_t base_;
    uint64_t stride_;
    uint64_t units_reciprocal_;
    uint32_t slots_;
    RegionShape shape_;
};

}  // namespace memfabric::memory
