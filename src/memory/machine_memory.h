// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <istream>

#include "base/status.h"

namespace memfabric::memory {

/// Bytes that this process can still have: the machine's MemAvailable, or what its memory cgroup leaves where
/// that is less.
uint64_t available_bytes();

/// Free pages of the kernel's 2 MiB pool, in bytes.
uint64_t available_huge_bytes();

/// Bytes of normal or huge pages that a NUMA node can still give; UINT64_MAX where the kernel does not tell.
uint64_t node_available_bytes(unsigned node);
uint64_t node_available_huge_bytes(unsigned node);

/// The same from the text of a node's meminfo file: what is free, and what only caches files.
uint64_t available_in_node_meminfo(std::istream& text);

/// Refuses a demand that would drive the machine out of memory (the kernel would kill processes, not return
/// an error).
Status check_available(uint64_t demand);

}  // namespace memfabric::memory
