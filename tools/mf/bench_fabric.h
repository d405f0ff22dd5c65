// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "commands.h"

namespace mf {

/// Adds `mf bench fabric`.
void register_bench_fabric(CLI::App& bench, Session& session);

}  // namespace mf
