// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace memfabric::copy {

/// A source that looks different at every place, and a destination whose every other byte must stay as it
/// was.
class Arena {
 public:
    static constexpr std::byte kGuard{0xA5};

    explicit Arena(size_t size) : source_(size), destination_(size, kGuard), expected_(size, kGuard) {
        uint32_t state = 12345;
        for (std::byte& value : source_) {
            state = state * 1664525U + 1013904223U;
            value = static_cast<std::byte>(state >> 24);
        }
    }

    std::byte* source(size_t offset = 0) { return source_.data() + offset; }
    std::byte* destination(size_t offset = 0) { return destination_.data() + offset; }

    /// Notes that these bytes will have been copied.
    void expect(size_t destination_offset, size_t source_offset, size_t size) {
        for (size_t i = 0; i < size; ++i) {
            expected_[destination_offset + i] = source_[source_offset + i];
        }
    }

    /// Whether what was expected is there, and nothing else.
    bool holds() const { return destination_ == expected_; }

    void clear() {
        destination_.assign(destination_.size(), kGuard);
        expected_.assign(expected_.size(), kGuard);
    }

 private:
    std::vector<std::byte> source_;
    std::vector<std::byte> destination_;
    std::vector<std::byte> expected_;
};

}  // namespace memfabric::copy
