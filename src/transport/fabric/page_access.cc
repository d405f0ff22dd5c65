// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/page_access.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace memfabric::transport {
namespace {

struct Range {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    bool readable = false;
    bool writable = false;
};

/// "7f00-7fff rw-p ..."; an empty range where it is none.
Range parse(std::string_view line) {
    Range range;
    const char* const last = line.data() + line.size();
    const auto begin = std::from_chars(line.data(), last, range.begin, 16);
    if (begin.ec != std::errc() || begin.ptr == last || *begin.ptr != '-') {
        return {};
    }
    const auto end = std::from_chars(begin.ptr + 1, last, range.end, 16);
    if (end.ec != std::errc() || last - end.ptr < 3) {
        return {};
    }
    range.readable = end.ptr[1] == 'r';
    range.writable = end.ptr[2] == 'w';
    return range;
}

}  // namespace

bool is_accessible(std::span<const std::byte> memory, bool to_write) {
    auto place = reinterpret_cast<uintptr_t>(memory.data());
    const uintptr_t end = place + memory.size();
    std::ifstream maps("/proc/self/maps");
    if (!maps) {
        return true;
    }
    // Sorted by address: whatever is missing before the next range is not mapped.
    for (std::string line; place < end && std::getline(maps, line);) {
        const Range range = parse(line);
        if (range.end <= place) {
            continue;
        }
        if (range.begin > place || !range.readable || (to_write && !range.writable)) {
            return false;
        }
        place = range.end;
    }
    return place >= end;
}

}  // namespace memfabric::transport
