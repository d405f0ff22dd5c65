// SPDX-License-Identifier: Apache-2.0
#include "launcher_task.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "capi/private_api.h"
#include "library.h"
#include "slurm_nodes.h"

namespace mf {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? "" : value;
}

std::string own_host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// A job's script has the number 0 of as many tasks as the job asked for, and is no task of a step.
bool is_in_slurm_script() {
    return !variable("SLURM_JOB_NODELIST").empty() && variable("SLURM_STEP_ID").empty() &&
           variable("SLURM_STEP_NUM_TASKS").empty() &&
           (variable("SLURM_PROCID").empty() || variable("SLURM_PROCID") == "0");
}

}  // namespace

std::optional<LauncherTask> launcher_task() {
    mf_private_launch_t found;
    if (mf_private_detect_launch(&found) == 0 || found.world_size < 2) {
        return std::nullopt;
    }
    const std::string_view launcher(found.launcher);
    // A run inside a run is a world of its own.
    if (launcher == "mf run" || (launcher == "Slurm" && is_in_slurm_script())) {
        return std::nullopt;
    }
    return LauncherTask{found.launcher, found.rank, found.world_size};
}

std::optional<std::vector<HostSlots>> slurm_allocation(uint32_t ranks) {
    const std::string_view nodes = variable("SLURM_JOB_NODELIST");
    mf_private_launch_t found;
    const bool is_launched = mf_private_detect_launch(&found) != 0;
    const bool is_task = is_launched && !is_in_slurm_script();
    const bool is_shell =
        is_launched && found.launcher == std::string_view("Slurm") && found.world_size == 1 && ranks == 0;
    const bool is_of_another = is_launched && found.launcher != std::string_view("Slurm");
    if (nodes.empty() || is_of_another || (is_task && !is_shell)) {
        return std::nullopt;
    }
    return slurm_hosts(nodes, variable("SLURM_TASKS_PER_NODE"), own_host_name());
}

TaskStore store_of_tasks(const LauncherTask& task) {
    int32_t served = 0;
    const LibraryText url(mf_private_store_of_environment(&served));
    if (!url.ok) {
        throw std::runtime_error(fmt::format(
            "this is task {} of {} of {}, and nobody names the store that they share: set MASTER_ADDR and "
            "MASTER_PORT to the host of task 0 and a port there, or give --store; or --world-size for a "
            "world of its own",
            task.number, task.count, task.launcher));
    }
    return {url.text, served != 0};
}

bool names_master() {
    return !variable("MASTER_ADDR").empty() && !variable("MASTER_PORT").empty();
}

}  // namespace mf
