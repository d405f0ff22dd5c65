// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "runtime/machine_info.h"

namespace memfabric {

// The parts of inspect_machine: each adds its checks.
void check_processors(std::vector<MachineCheck>& checks);
void check_memory(std::vector<MachineCheck>& checks);
void check_huge_pages(std::vector<MachineCheck>& checks);
void check_sharing(std::vector<MachineCheck>& checks, const Options& options);
void check_limits(std::vector<MachineCheck>& checks);
void check_devices(std::vector<MachineCheck>& checks, const Options& options);
void check_fabric(std::vector<MachineCheck>& checks, const Options& options);

/// First line of a file of /proc or /sys; empty where it cannot be read.
std::string first_line_of(const std::string& path);

/// "64 MiB".
std::string bytes_text(uint64_t bytes);

}  // namespace memfabric
