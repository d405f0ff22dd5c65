// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/status.h"

namespace memfabric {

/// kMallocFailed, saying what is short, where this process has no room just now for so many further file
/// descriptors (ulimit -n) or bytes of address space (ulimit -v). For steps that go over to libraries which
/// fail for good, or without a word, where they run short halfway.
Status check_room(size_t files, size_t bytes);

}  // namespace memfabric
