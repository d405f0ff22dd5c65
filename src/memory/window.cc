// SPDX-License-Identifier: Apache-2.0
#include "memory/window.h"

namespace memfabric::memory {
namespace {

Status check_part(const char* name, uint64_t size, uint64_t limit) {
    if (size % kRegionGranularity != 0) {
        return failure(Code::kInvalidParam, "{} size {} is not a multiple of 2 MiB ({} bytes)", name, size,
                       kRegionGranularity);
    }
    if (size > limit) {
        return failure(Code::kInvalidParam,
                       "{} size {} is more than the {} bytes that option MF_MAX_REGION_SIZE allows", name,
                       size, limit);
    }
    return {};
}

}  // namespace

Window::Window(uint64_t base, uint32_t slots, RegionShape shape)
    : base_(base),
      stride_(shape.size()),
      units_reciprocal_((uint64_t{1} << kReciprocalBits) / (stride_ / kRegionGranularity) + 1),
      slots_(slots),
      shape_(shape) {}

Status check_region_shape(const RegionShape& shape, uint64_t limit) {
    if (shape.hbm_size == 0 && shape.dram_size == 0) {
        return failure(Code::kInvalidParam,
                       "DRAM size and HBM size are both 0: contribute at least 2 MiB of one");
    }
    MF_RETURN_IF_ERROR(check_part("HBM", shape.hbm_size, limit));
    return check_part("DRAM", shape.dram_size, limit);
}

}  // namespace memfabric::memory
