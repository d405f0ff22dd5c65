// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/types.h"

namespace memfabric::store {

/// Whether that process is among those that the caller sees, and is stopped: by a signal, or by a debugger.
bool is_stopped(const ProcessId& process);

}  // namespace memfabric::store
