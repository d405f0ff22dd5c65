// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace memfabric::shmem {

/// Copies between ranges that do not overlap and are likely in a cache: what PEs of one host exchange.
void hot_copy(void* dest, const void* source, size_t bytes);

/// The same for ranges that may also be one and the same, or empty.
inline void copy_if_other(void* dest, const void* source, size_t bytes) {
    if (dest != source && bytes != 0) {
        hot_copy(dest, source, bytes);
    }
}

}  // namespace memfabric::shmem
