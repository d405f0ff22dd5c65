// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace memfabric::copy {

/// Copies between ranges that do not overlap; any alignment, any size, 0 included.
using CopyFunction = void (*)(std::byte* destination, const std::byte* source, size_t size);

struct Kernel {
    std::string_view name;
    CopyFunction copy = nullptr;
    /// Whether its stores go past the caches. They are ordered by nothing until store_fence().
    bool nontemporal = false;
};

/// Every kernel that this processor can run, the plain one first, then the non-temporal ones, the best of
/// them last.
std::span<const Kernel> available_kernels();

/// The C library's memcpy.
const Kernel& plain_kernel();

/// The best kernel past the caches that this processor has; the plain one where it has none.
const Kernel& nontemporal_kernel();

/// Makes non-temporal stores of this thread visible before whatever it stores next.
void store_fence();

}  // namespace memfabric::copy
