// SPDX-License-Identifier: Apache-2.0
#include "capi/bm_handle.h"

namespace memfabric::capi {

Status bm_handle_failure(smem_bm_t handle, const char* what) {
    if (handle == nullptr) {
        return failure(Code::kInvalidParam, "{}: the handle is null", what);
    }
    const auto world = Process::instance().bm_world();
    if (!world.is_ok()) {
        return world.status().with_context(what);
    }
    return failure(Code::kObjectNotExists, "{}: handle {} is unknown, or its object was destroyed", what,
                   handle);
}

Result<std::shared_ptr<bm::BigMemory>> find_bm(smem_bm_t handle, const char* what) {
    auto object = Process::instance().bm_objects().share(from_handle(handle));
    if (!object) {
        return bm_handle_failure(handle, what);
    }
    return object;
}

}  // namespace memfabric::capi
