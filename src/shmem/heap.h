// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace memfabric::shmem {

/// Makes all of the region's heap free. Every PE gives out its heap by the same rules, so that calls in the
/// same order have the same offsets everywhere.
void open_heap();

}  // namespace memfabric::shmem
