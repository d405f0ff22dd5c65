// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace memfabric::bm {

/// The values of smem_bm_copy_type. L: HBM of this process, H: its host memory, G: the pool, GH: the pool's
/// DRAM.
enum class Direction : uint32_t {
    kLocalToGlobal = 0,
    kGlobalToLocal = 1,
    kGlobalToHost = 2,
    kHostToGlobal = 3,
    kLocalToGlobalHost = 4,
    kGlobalHostToLocal = 5,
    kGlobalHostToHost = 6,
    kHostToGlobalHost = 7,
    kGlobalToGlobal = 8,
    kAutomatic = 9,
    kCount
};

inline bool source_is_global(Direction direction) {
    constexpr uint32_t kSet = 1U << 1 | 1U << 2 | 1U << 5 | 1U << 6 | 1U << 8;
    return (kSet >> static_cast<uint32_t>(direction) & 1U) != 0;
}

inline bool destination_is_global(Direction direction) {
    constexpr uint32_t kSet = 1U << 0 | 1U << 3 | 1U << 4 | 1U << 7 | 1U << 8;
    return (kSet >> static_cast<uint32_t>(direction) & 1U) != 0;
}

const char* name_of(Direction direction);

/// `size` bytes.
struct CopyRequest {
    const void* source = nullptr;
    void* destination = nullptr;
    size_t size = 0;
};

/// `height` rows of `width` bytes.
struct RowsRequest {
    const void* source = nullptr;
    uint64_t source_pitch = 0;
    void* destination = nullptr;
    uint64_t destination_pitch = 0;
    uint64_t width = 0;
    uint64_t height = 0;
};

/// Bytes from the first to the last of `height` rows, or a failure where that is more than an address space.
Result<uint64_t> extent_of_rows(uint64_t pitch, uint64_t width, uint64_t height);

}  // namespace memfabric::bm
