// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace memfabric::shmem {

/// Which PE lives on which host: `first[pe]` is the first PE on the host of `pe`. At start, before any of the
/// below is asked.
void set_hosts(const std::vector<int>& first);

/// Hosts are numbered in the order of their first PEs. All PEs number them alike.
int hosts();
int host_of(int pe);
int first_pe_of_host(int host);
/// The host's PEs, in their order.
const std::vector<int>& pes_of_host(int host);

/// Whether PE `pe` of the job lives on this host, so that its memory is reached by pointers.
bool is_here(int pe);

}  // namespace memfabric::shmem
