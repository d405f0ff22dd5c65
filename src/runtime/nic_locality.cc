// SPDX-License-Identifier: Apache-2.0
#include "runtime/nic_locality.h"

#include <hwloc.h>
#include <sched.h>

#include <array>
#include <memory>

namespace memfabric {
namespace {

struct TopologyDeleter {
    void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

struct BitmapDeleter {
    void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapDeleter>;

/// hwloc's plug-ins for what the kernel tells as well (where devices are) or is of no use here. They would
/// load the libraries of drivers into the program for the time of the look, and libpciaccess keeps 1 KiB at
/// each.
constexpr std::array kUnwanted = {"pci", "opencl", "gl", "cuda", "nvml", "rsmi", "levelzero"};

/// With network devices, which hwloc leaves out unless it is asked for them.
Topology load_topology(const std::string& description) {
    hwloc_topology_t raw = nullptr;
    if (hwloc_topology_init(&raw) != 0) {
        return nullptr;
    }
    Topology topology(raw);
    if (!description.empty() && hwloc_topology_set_xmlbuffer(raw, description.c_str(),
                                                             static_cast<int>(description.size() + 1)) != 0) {
        return nullptr;
    }
    for (const char* component : kUnwanted) {
        // Fails where hwloc was built without it.
        static_cast<void>(
            hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, component));
    }
    hwloc_topology_set_io_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    return hwloc_topology_load(raw) == 0 ? std::move(topology) : nullptr;
}

hwloc_obj_t device_of(const Topology& topology, const std::string& interface) {
    for (hwloc_obj_t device = nullptr; (device = hwloc_get_next_osdev(topology.get(), device)) != nullptr;) {
        if (device->name != nullptr && interface == device->name) {
            return device;
        }
    }
    return nullptr;
}

}  // namespace

std::set<std::string> interfaces_near(const std::vector<std::string>& interfaces,
                                      std::span<const unsigned> processors, const std::string& topology) {
    const Topology machine = load_topology(topology);
    const Bitmap own(hwloc_bitmap_alloc());
    for (const unsigned processor : processors) {
        hwloc_bitmap_set(own.get(), processor);
    }
    std::set<std::string> near;
    for (const std::string& interface : interfaces) {
        const hwloc_obj_t device = machine ? device_of(machine, interface) : nullptr;
        const hwloc_obj_t place =
            device != nullptr ? hwloc_get_non_io_ancestor_obj(machine.get(), device) : nullptr;
        if (place == nullptr || hwloc_bitmap_intersects(place->cpuset, own.get()) != 0) {
            near.insert(interface);
        }
    }
    return near;
}

std::set<std::string> interfaces_near_us(const std::vector<std::string>& interfaces) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return {interfaces.begin(), interfaces.end()};
    }
    std::vector<unsigned> processors;
    for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
        if (CPU_ISSET(processor, &allowed)) {
            processors.push_back(processor);
        }
    }
    return interfaces_near(interfaces, processors);
}

}  // namespace memfabric
