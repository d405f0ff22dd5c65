// SPDX-License-Identifier: Apache-2.0
#include <hwloc.h>
#include <numaif.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

struct TopologyDeleter {
    void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

Topology load_topology() {
    hwloc_topology_t raw = nullptr;
    if (hwloc_topology_init(&raw) != 0) {
        return nullptr;
    }
    Topology topology(raw);
    return hwloc_topology_load(raw) == 0 ? std::move(topology) : nullptr;
}

/// Whether the kernel lets us bind memory; containers' system call filters often forbid it.
bool can_bind_memory(int node) {
    const auto size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    constexpr unsigned long kBits = 8 * sizeof(unsigned long);
    const unsigned long mask = node < static_cast<int>(kBits) ? 1UL << node : 1UL;
    const bool bound = ::mbind(page, size, MPOL_BIND, &mask, kBits, 0) == 0;
    ::munmap(page, size);
    return bound;
}

MachineCheck numa_check() {
    const Topology topology = load_topology();
    if (!topology) {
        return {"NUMA nodes", false, "unknown",
                "hwloc cannot read the machine's topology; MF_NUMA_NODE has no effect"};
    }
    std::string nodes;
    int first = -1;
    const int count = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_NUMANODE);
    for (int i = 0; i < count; ++i) {
        const hwloc_obj_t node =
            hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_NUMANODE, static_cast<unsigned>(i));
        first = first < 0 ? static_cast<int>(node->os_index) : first;
        nodes += fmt::format("{}node {} ({})", nodes.empty() ? "" : ", ", node->os_index,
                             bytes_text(node->attr->numanode.local_memory));
    }
    const bool binding = can_bind_memory(first);
    return {"NUMA nodes", binding, nodes.empty() ? "none" : nodes,
            binding ? (count > 1 ? "MF_NUMA_NODE binds a rank's memory to one of them" : "")
                    : "mbind is forbidden here, so MF_NUMA_NODE has no effect: allow it in the container's "
                      "seccomp profile (CAP_SYS_NICE)"};
}

MachineCheck core_check() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
    const int usable = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed)
                                                                             : static_cast<int>(online);
    std::string value = fmt::format("{} of {} usable by this process", usable, online);
    // "max 100000" or "150000 100000": microseconds of processor time a period.
    const std::string quota = first_line_of("/sys/fs/cgroup/cpu.max");
    const bool limited = !quota.empty() && !quota.starts_with("max");
    if (limited) {
        value += fmt::format(", cgroup quota {} us", quota);
    }
    return {"processors", usable > 1, value,
            usable > 1 ? "" : "with one core big copies are not shared between threads"};
}

}  // namespace

void check_processors(std::vector<MachineCheck>& checks) {
    utsname names{};
    ::uname(&names);
    checks.push_back(
        {"system", true, fmt::format("{} {} on {}", names.sysname, names.release, names.machine), ""});
    checks.push_back({"page size", true, bytes_text(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))), ""});
    checks.push_back(core_check());
    checks.push_back(numa_check());
}

}  // namespace memfabric
