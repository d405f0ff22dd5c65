// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/status.h"

namespace memfabric::store {

/// Puts a whole file in place of whatever is there, so that readers see the old or the new one; the mode
/// holds from its first byte on.
Status replace_file(const std::string& path, std::string_view content, mode_t mode);

}  // namespace memfabric::store
