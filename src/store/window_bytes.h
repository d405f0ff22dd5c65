// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "store/types.h"

namespace memfabric::store {

inline constexpr uint64_t kWindowAlignment = uint64_t{2} << 20;

/// Whole alignment units that hold `stride * slots`, or nothing where that does not fit into 63 bits.
inline std::optional<uint64_t> window_bytes(const WindowRequest& message) {
    uint64_t bytes = 0;
    if (message.stride == 0 || message.slots == 0 ||
        __builtin_mul_overflow(message.stride, message.slots, &bytes) || bytes > (uint64_t{1} << 62)) {
        return std::nullopt;
    }
    return (bytes + kWindowAlignment - 1) / kWindowAlignment * kWindowAlignment;
}

}  // namespace memfabric::store
