// SPDX-License-Identifier: Apache-2.0
#include "bm/copy_request.h"

#include <array>

namespace memfabric::bm {

const char* name_of(Direction direction) {
    constexpr std::array kNames = {"L2G", "G2L", "G2H", "H2G", "L2GH", "GH2L", "GH2H", "H2GH", "G2G", "AUTO"};
    const auto index = static_cast<size_t>(direction);
    return index < kNames.size() ? kNames.at(index) : "unknown";
}

Result<uint64_t> extent_of_rows(uint64_t pitch, uint64_t width, uint64_t height) {
    if (width == 0 || height == 0) {
        return failure(Code::kInvalidParam, "{} rows of {} bytes: neither may be 0", height, width);
    }
    if (pitch < width) {
        return failure(Code::kInvalidParam, "pitch {} is smaller than the width {}", pitch, width);
    }
    uint64_t extent = 0;
    if (__builtin_mul_overflow(pitch, height - 1, &extent) ||
        __builtin_add_overflow(extent, width, &extent)) {
        return failure(Code::kInvalidParam, "{} rows of pitch {} are more than 2^64 bytes", height, pitch);
    }
    return extent;
}

}  // namespace memfabric::bm
