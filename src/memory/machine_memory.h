// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/status.h"

namespace memfabric::memory {

/// Bytes that this process can still have: the machine's MemAvailable, or what its memory cgroup leaves where
/// that is less.
uint64_t available_bytes();

/// Free pages of the kernel's 2 MiB pool, in bytes.
uint64_t available_huge_bytes();

/// Refuses a demand that would drive the machine out of memory (the kernel would kill processes, not return
/// an error).
Status check_available(uint64_t demand);

}  // namespace memfabric::memory
