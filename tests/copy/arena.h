// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace memfabric::copy {

/// A source that looks different at every place, and a destination whose every other byte must stay as it
/// was.
class Arena {
 public:
    static constexpr std::byte kGuard{0xA5};

    explicit Arena(size_t size) : source_(size), destination_(size, kGuard), expected_(size, kGuard) {
        std::mt19937_64 random(size);
        for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
            const uint64_t word = random();
            std::memcpy(source_.data() + i, &word, std::min(sizeof(word), size - i));
        }
    }

    std::byte* source(size_t offset = 0) { return source_.data() + offset; }
    std::byte* destination(size_t offset = 0) { return destination_.data() + offset; }

    /// Notes that these bytes will have been copied.
    void expect(size_t destination_offset, size_t source_offset, size_t size) {
        if (size > 0) {
            std::memcpy(expected_.data() + destination_offset, source(source_offset), size);
        }
    }

    /// Whether what was expected is there, and nothing else.
    bool holds() const { return std::memcmp(destination_.data(), expected_.data(), expected_.size()) == 0; }

    void clear() {
        std::memset(destination_.data(), std::to_integer<int>(kGuard), destination_.size());
        std::memset(expected_.data(), std::to_integer<int>(kGuard), expected_.size());
    }

 private:
    std::vector<std::byte> source_;
    std::vector<std::byte> destination_;
    std::vector<std::byte> expected_;
};

}  // namespace memfabric::copy
