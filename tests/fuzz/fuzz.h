// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/log.h"
#include "base/status.h"

namespace memfabric::fuzz {

/// What a fuzz target found is a crash.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Whoever refuses something says why.
inline void require_reason(const Status& status) {
    require(status.is_ok() || !status.message().empty());
}

inline std::string_view as_text(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Takes numbers off the front; zeros once there is nothing left.
class Input {
 public:
    explicit Input(std::string_view bytes) : rest_(bytes) {}

    template <typename T>
    T take() {
        T value{};
        const size_t size = rest_.size() < sizeof value ? rest_.size() : sizeof value;
        std::memcpy(&value, rest_.data(), size);
        rest_.remove_prefix(size);
        return value;
    }
    /// Fewer where there are no more.
    std::string_view take_bytes(size_t size) {
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    bool is_empty() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }

 private:
    std::string_view rest_;
};

}  // namespace memfabric::fuzz
