// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace memfabric::store {

/// First fit in [0, size): ranges that never overlap and can be used again.
class RangeAllocator {
 public:
    std::optional<uint64_t> allocate(uint64_t bytes, uint64_t size) {
        uint64_t offset = 0;
        for (const auto& [begin, length] : used_) {
            if (begin - offset >= bytes) {
                break;
            }
            offset = begin + length;
        }
        if (bytes == 0 || offset > size || size - offset < bytes) {
            return std::nullopt;
        }
        used_.emplace(offset, bytes);
        return offset;
    }
    void free(uint64_t offset) { used_.erase(offset); }
    bool is_empty() const { return used_.empty(); }

 private:
    std::map<uint64_t, uint64_t> used_;  // offset -> bytes
};

}  // namespace memfabric::store
