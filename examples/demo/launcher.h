// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace demo {

/// Serves the config store, starts the ranks, leads them through the demo and prints what came out. Returns
/// the exit code: 0 only where every rank read back exactly the input.
int run_launcher(const std::filesystem::path& path, uint32_t ranks);

}  // namespace demo
