// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace memfabric::measure {

/// What a copy is compared with. Written apart from the library's own kernels, on purpose.
using PlainCopy = void (*)(std::byte* destination, const std::byte* source, size_t size);

/// memcpy, through a pointer that the compiler cannot see through.
PlainCopy plain_memcpy();

/// A plain loop of loads and stores past the caches, fenced at its end, with the widest registers that this
/// processor has; memcpy on processors that this does not know. Both addresses and the size must be multiples
/// of 64.
PlainCopy nontemporal_loop();

}  // namespace memfabric::measure
