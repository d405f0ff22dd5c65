// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "capi/process.h"
#include "smem_bm_def.h"

namespace memfabric::capi {

inline BmTable::Handle from_handle(smem_bm_t handle) {
    return reinterpret_cast<uintptr_t>(handle);
}

inline smem_bm_t to_handle(BmTable::Handle handle) {
    return reinterpret_cast<smem_bm_t>(static_cast<uintptr_t>(handle));
}

/// Why a handle finds nothing: null, BM not initialized, or stale.
Status bm_handle_failure(smem_bm_t handle, const char* what);

/// The object, for control operations; `what` begins the failure's text.
Result<std::shared_ptr<bm::BigMemory>> find_bm(smem_bm_t handle, const char* what);

}  // namespace memfabric::capi
