// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace memfabric {

/// The names in a folder, but "." and ".."; none where it cannot be read, and `errno` says why. What
/// std::filesystem has for it ends the process where memory is short.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace memfabric
