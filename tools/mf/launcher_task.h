// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host_list.h"

namespace mf {

/// This process as one of several that another launcher (torchrun, mpirun, Slurm) has started.
struct LauncherTask {
    std::string launcher;
    uint32_t number = 0;
    uint32_t count = 1;
};

/// Nothing where there is no launcher, or one task alone, or in the script of a Slurm job.
std::optional<LauncherTask> launcher_task();

/// The hosts of the Slurm allocation, where this process is none of its tasks. A step's only task, which may
/// be the allocation's shell, counts as none unless it says how many `ranks` it wants: 0 says nothing.
std::optional<std::vector<HostSlots>> slurm_allocation(uint32_t ranks);

/// The store of all tasks.
struct TaskStore {
    std::string url;
    bool is_served = false;  // by somebody else; else task 0 is to
};

/// As the environment names it. Throws a text that says what to set.
TaskStore store_of_tasks(const LauncherTask& task);

/// Whether it says where torch.distributed listens, which is then left as it is.
bool names_master();

}  // namespace mf
