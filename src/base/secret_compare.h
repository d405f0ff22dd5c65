// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace memfabric {

/// Compares secrets in a time that depends on their lengths only.
inline bool equal_in_constant_time(std::string_view a, std::string_view b) {
    unsigned difference = a.size() == b.size() ? 0 : 1;
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
        difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    }
    return difference == 0;
}

}  // namespace memfabric
