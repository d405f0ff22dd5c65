// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/options.h"

namespace memfabric {

/// One thing that this machine can do, or why not.
struct MachineCheck {
    std::string name;
    bool ok = true;
    std::string value;   // what was found
    std::string advice;  // what to do about it, or what it means; empty where there is nothing to say
};

/// Everything that `mf info` shows. Tries things out: maps and unmaps memory, forks one child that ends at
/// once, loads libfabric.
std::vector<MachineCheck> inspect_machine(const Options& options);

}  // namespace memfabric
