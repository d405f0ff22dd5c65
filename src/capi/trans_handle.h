// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "capi/trans_process.h"

namespace memfabric::capi {

/// Why a handle finds nothing: null or stale.
Status trans_handle_failure(smem_trans_t handle, const char* what);

/// The session, for control operations; `what` begins the failure's text.
Result<std::shared_ptr<trans::Engine>> find_engine(smem_trans_t handle, const char* what);

}  // namespace memfabric::capi
