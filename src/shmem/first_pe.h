// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace memfabric::shmem {

/// For jobs whose config store PE 0 serves: with PE 0 goes the store, so nobody would tell of its loss. Has
/// the kernel tell: `lost`, on a thread of its own, where PE 0's process ends; PEs of other hosts find it out
/// within a second or two. PEs in another pid namespace of PE 0's host hear nothing. Collective.
void watch_first_pe(void (*lost)(uint32_t pe));

}  // namespace memfabric::shmem
