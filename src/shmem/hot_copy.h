// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace memfabric::shmem {

/// Copies between ranges that do not overlap and are likely in a cache: what PEs of one host exchange.
void hot_copy(void* dest, const void* source, size_t bytes);

}  // namespace memfabric::shmem
