// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace memfabric::transport {

/// Whether every page of the memory is mapped in this process and may be read, or also written. Touches none
/// of them. True where the kernel does not tell.
bool is_accessible(std::span<const std::byte> memory, bool to_write);

}  // namespace memfabric::transport
