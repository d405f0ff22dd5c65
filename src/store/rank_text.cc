// SPDX-License-Identifier: Apache-2.0
#include "store/rank_text.h"

#include <fmt/core.h>

namespace memfabric::store {

std::string rank_text(const std::vector<uint32_t>& ranks) {
    constexpr size_t kMaxLength = 200;
    std::string text;
    for (size_t i = 0; i < ranks.size();) {
        size_t last = i;
        while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) {
            ++last;
        }
        if (text.size() > kMaxLength) {
            return text + fmt::format(" and {} more", ranks.size() - i);
        }
        text += fmt::format("{}{}", text.empty() ? "" : ", ", ranks[i]);
        if (last > i) {
            text += fmt::format("{}{}", last == i + 1 ? ", " : "-", ranks[last]);
        }
        i = last + 1;
    }
    return text;
}

}  // namespace memfabric::store
