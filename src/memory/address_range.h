// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace memfabric::memory {

/// [begin, begin + size) of the address space, the same in every process of the pool.
struct AddressRange {
    uint64_t begin = 0;
    uint64_t size = 0;

    /// One past the last byte. Ranges of the arena end far below 2^64.
    uint64_t end() const { return begin + size; }

    /// Whether all of [address, address + length) lies inside; no sum that could overflow is formed.
    bool contains(uint64_t address, uint64_t length) const {
        return address >= begin && length <= size && address - begin <= size - length;
    }
    bool operator==(const AddressRange&) const = default;
};

/// Sizes of regions and windows are multiples of this: one huge page.
inline constexpr uint64_t kRegionGranularity = uint64_t{2} << 20;

}  // namespace memfabric::memory
