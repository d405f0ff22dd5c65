// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace demo {

/// The two plain copies that the pool's are measured against.
void copy_by_memcpy(std::byte* destination, const std::byte* source, size_t size);
/// Past the caches where the processor offers it, else memcpy.
void copy_nontemporal(std::byte* destination, const std::byte* source, size_t size);

}  // namespace demo
