// SPDX-License-Identifier: Apache-2.0
#include "memory/machine_memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace memfabric::memory {
namespace {

/// Left to the rest of the machine.
constexpr uint64_t kReserve = uint64_t{64} << 20;
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

uint64_t number_in(const std::string& path, uint64_t otherwise) {
    std::ifstream file(path);
    uint64_t number = 0;
    return file >> number ? number : otherwise;  // "max" is no number: no limit
}

uint64_t meminfo_bytes(const std::string& name) {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(name + ":")) {
            return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
        }
    }
    return kNoLimit;
}

/// The group of this process in the hierarchy whose line in /proc/self/cgroup has `controllers`: "/" + names.
std::string cgroup_path(std::string_view controllers) {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {  // "4:memory:/a/b"
        const size_t begin = line.find(':') + 1;
        const size_t end = line.find(':', begin);
        if (end != std::string::npos && std::string_view(line).substr(begin, end - begin) == controllers) {
            return line.substr(end + 1);
        }
    }
    return "";
}

std::string node_folder(unsigned node) {
    return "/sys/devices/system/node/node" + std::to_string(node);
}

/// Page cache that the kernel gives up before it lets a group run out of memory.
uint64_t reclaimable_in(const std::string& stat_file) {
    std::ifstream file(stat_file);
    uint64_t sum = 0;
    std::string name;
    for (uint64_t bytes = 0; file >> name >> bytes;) {
        const bool counts = name == "inactive_file" || name == "active_file";
        sum += counts ? bytes : 0;
    }
    return sum;
}

uint64_t room_in(const std::string& folder, const char* limit_file, const char* used_file) {
    const uint64_t limit = number_in(folder + limit_file, kNoLimit);
    if (limit == kNoLimit) {
        return kNoLimit;
    }
    const uint64_t used = number_in(folder + used_file, 0);
    const uint64_t reclaimable = reclaimable_in(folder + "/memory.stat");
    return limit - std::min(limit, used - std::min(used, reclaimable));
}

/// Of the group and all above it; files that are missing limit nothing, such as where a container has its own
/// root.
uint64_t room_below(const std::string& root, const std::string& path, const char* limit_file,
                    const char* used_file) {
    uint64_t room = kNoLimit;
    for (std::string folder = root + path; folder.size() >= root.size(); folder.erase(folder.rfind('/'))) {
        room = std::min(room, room_in(folder, limit_file, used_file));
    }
    return room;
}

/// Of version 2 and of version 1; a machine has one of them for memory.
uint64_t cgroup_room() {
    return std::min(room_below("/sys/fs/cgroup", cgroup_path(""), "/memory.max", "/memory.current"),
                    room_below("/sys/fs/cgroup/memory", cgroup_path("memory"), "/memory.limit_in_bytes",
                               "/memory.usage_in_bytes"));
}

}  // namespace

uint64_t available_bytes() {
    return std::min(meminfo_bytes("MemAvailable"), cgroup_room());
}

uint64_t available_huge_bytes() {
    return number_in("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 0) << 21;
}

uint64_t node_available_bytes(unsigned node) {
    std::ifstream file(node_folder(node) + "/meminfo");
    return file ? available_in_node_meminfo(file) : kNoLimit;
}

uint64_t node_available_huge_bytes(unsigned node) {
    return number_in(node_folder(node) + "/hugepages/hugepages-2048kB/free_hugepages", 0) << 21;
}

uint64_t available_in_node_meminfo(std::istream& text) {
    uint64_t kibibytes = 0;
    for (std::string line; std::getline(text, line);) {
        std::istringstream words(line);  // "Node 0 MemFree:  15222364 kB"
        std::string word;
        std::string name;
        uint64_t number = 0;
        const bool counts =
            words >> word >> word >> name >> number && (name == "MemFree:" || name == "Active(file):" ||
                                                        name == "Inactive(file):" || name == "SReclaimable:");
        kibibytes += counts ? number : 0;
    }
    return kibibytes * 1024;
}

Status check_available(uint64_t demand) {
    const uint64_t available = available_bytes();
    if (available < kReserve || demand > available - kReserve) {
        return failure(Code::kMallocFailed,
                       "{} bytes of memory are wanted, {} are available on this machine (or in this memory "
                       "cgroup): contribute less, "
                       "or free some",
                       demand, available);
    }
    return {};
}

}  // namespace memfabric::memory
