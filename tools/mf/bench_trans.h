// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "commands.h"

namespace mf {

/// Adds `mf bench trans`.
void register_bench_trans(CLI::App& bench, Session& session);

}  // namespace mf
