// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host_list.h"

namespace mf {

/// Of SLURM_JOB_NODELIST, "node[01-03,7],other": node01, node02, node03, node7, other. Throws
/// std::runtime_error that quotes what it cannot read; so do the others.
std::vector<std::string> expand_node_list(std::string_view text);

/// Of SLURM_TASKS_PER_NODE, "2(x3),1": 2, 2, 2, 1.
std::vector<uint32_t> expand_task_counts(std::string_view text);

/// The nodes with their tasks; `task_counts` may be empty: one each. The node `own_name` is "localhost".
std::vector<HostSlots> slurm_hosts(std::string_view node_list, std::string_view task_counts,
                                   std::string_view own_name);

}  // namespace mf
