// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace memfabric::shmem {

/// The program's own writable data (.data and .bss, whole pages, without what the loader has made read-only).
struct StaticData {
    uint64_t begin = 0;
    uint64_t size = 0;
};
StaticData find_static_data();

/// Puts the pages at `window`, which are shared, where the static data is, with its contents. 0 or errno.
int share_static_data(const StaticData& data, uint64_t window);

/// Makes it private memory of this process again, with its contents; also what a forked child gets.
void unshare_static_data();

}  // namespace memfabric::shmem
