// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iterator>
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
    /// Takes that very range; false where another one overlaps it.
    bool take(uint64_t offset, uint64_t bytes) {
        const auto next = used_.upper_bound(offset);
        const bool clear_before =
            next == used_.begin() || std::prev(next)->first + std::prev(next)->second <= offset;
        if (!clear_before || (next != used_.end() && next->first - offset < bytes)) {
            return false;
        }
        used_.emplace(offset, bytes);
        return true;
    }
    void free(uint64_t offset) { used_.erase(offset); }
    bool is_empty() const { return used_.empty(); }

 private:
    std::map<uint64_t, uint64_t> used_;  // offset -> bytes
};

}  // namespace memfabric::store
