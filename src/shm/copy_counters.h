// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "observe/timed.h"

namespace memfabric::shm {

enum class CopyKind : uint8_t { kPut, kGet, kAtomic };

/// Where one object's operations are counted, by rank and path.
class CopyCounters {
 public:
    CopyCounters(uint32_t object, uint32_t rank_size);

    observe::Counted of(CopyKind kind, uint32_t rank, bool by_fabric) const {
        const auto operation = static_cast<observe::Operation>(
            static_cast<uint8_t>(observe::Operation::kShmPut) + static_cast<uint8_t>(kind));
        return {operation, by_fabric ? observe::Path::kFabric : observe::Path::kMapped,
                first_[by_fabric ? 1U : 0U][static_cast<size_t>(kind)] + rank};
    }

 private:
    std::array<std::array<uint32_t, 3>, 2> first_{};  // rank 0's: mapped, fabric
};

}  // namespace memfabric::shm
