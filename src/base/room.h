// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/status.h"

namespace memfabric {

/// kMallocFailed, saying what is short, where this process has no room just now for so many further file
/// descriptors (ulimit -n) or bytes of address space (ulimit -v). For steps that go over to libraries which
/// fail for good, or without a word, where they run short halfway.
Status check_room(size_t files, size_t bytes);

/// Whether an error number of accept() says that this process has no room for the caller just now, who stays
/// in the queue and would be reported at once again.
bool has_no_room_for_caller(int error_number);

}  // namespace memfabric
