// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "copy/kernels.h"

namespace memfabric::copy {

/// Appends this processor's non-temporal kernels, the best one last. One definition an architecture.
void append_nontemporal_kernels(std::vector<Kernel>& list);

}  // namespace memfabric::copy
