// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <cstdlib>
#include <string>

#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

constexpr rlim_t kEnoughFiles = 4096;             // a store for 1024 ranks needs one a rank, and room
constexpr rlim_t kEnoughLockedMemory = 64 << 20;  // what RDMA providers register for themselves
constexpr long kUsualMappings = 65530;            // the kernel's default

std::string limit_text(rlim_t limit, bool bytes) {
    if (limit == RLIM_INFINITY) {
        return "unlimited";
    }
    return bytes ? bytes_text(limit) : std::to_string(limit);
}

}  // namespace

void check_limits(std::vector<MachineCheck>& checks) {
    rlimit locked{};
    rlimit files{};
    ::getrlimit(RLIMIT_MEMLOCK, &locked);
    ::getrlimit(RLIMIT_NOFILE, &files);
    const bool can_lock = locked.rlim_cur == RLIM_INFINITY || locked.rlim_cur >= kEnoughLockedMemory;
    checks.push_back(
        {"locked memory", can_lock, limit_text(locked.rlim_cur, true),
         can_lock ? "" : "RDMA needs more: `ulimit -l unlimited`, or `--ulimit memlock=-1` for a container"});
    const bool enough_files = files.rlim_cur >= kEnoughFiles;
    checks.push_back(
        {"open files", enough_files,
         fmt::format("{}, at most {}", limit_text(files.rlim_cur, false), limit_text(files.rlim_max, false)),
         enough_files ? "" : "a store for many ranks needs one a rank: `ulimit -n 65536`"});
    const std::string mappings = first_line_of("/proc/sys/vm/max_map_count");
    const bool enough_mappings =
        mappings.empty() || std::strtol(mappings.c_str(), nullptr, 10) >= kUsualMappings;
    checks.push_back(
        {"mappings", enough_mappings, mappings.empty() ? "unknown" : mappings,
         enough_mappings ? "" : fmt::format("`sysctl vm.max_map_count={}` as root", kUsualMappings)});
}

}  // namespace memfabric
