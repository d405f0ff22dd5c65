// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/options.h"
#include "memory/address_range.h"

namespace memfabric::memory {

/// Binds the pages that will be taken for a mapped range to the node of option MF_NUMA_NODE. Where that is
/// impossible (containers often forbid it, the node may not exist or have no room) the kernel chooses, and
/// one warning says why.
void bind_to_numa_node(AddressRange range, const Options& options);

}  // namespace memfabric::memory
