// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace memfabric::shmem {

/// SHMEM_DEBUG: the library's log from its debug level on. Before anything else is done.
void follow_debug_variable();

/// What SHMEM_VERSION and SHMEM_INFO ask for, by PE 0 on standard output; with SHMEM_DEBUG each PE's layout
/// on standard error. Once this process is a PE.
void announce();

}  // namespace memfabric::shmem
