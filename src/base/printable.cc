// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <algorithm>

namespace memfabric {
namespace {

/// Of the first control character in the text from `at` on; the text's size where there is none.
struct Place {
    size_t at = 0;
    size_t bytes = 0;
};

Place next_control(std::string_view text, size_t at) {
    for (; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 || byte == 0x7f) {
            return {at, 1};
        }
        if (byte == 0xc2 && at + 1 < text.size()) {
            const auto next = static_cast<unsigned char>(text[at + 1]);
            if (next >= 0x80 && next < 0xa0) {
                return {at, 2};
            }
        }
    }
    return {text.size(), 0};
}

}  // namespace

bool is_printable(std::string_view text) {
    return next_control(text, 0).bytes == 0;
}

void make_printable(std::string& text) {
    for (Place place = next_control(text, 0); place.bytes != 0; place = next_control(text, place.at)) {
        const bool is_space = text[place.at] >= '\t' && text[place.at] <= '\r';
        std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(place.at), place.bytes, is_space ? ' ' : '?');
    }
}

}  // namespace memfabric
