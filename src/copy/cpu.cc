// SPDX-License-Identifier: Apache-2.0
#include "copy/cpu.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "base/options.h"

namespace memfabric::copy {
namespace {

constexpr size_t kSmallestShare = size_t{1} << 20;
constexpr int kCacheLevels = 8;  // more index folders than any machine has

std::string first_word(const std::string& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

/// Number of cpus in the kernel's list format, "0-3,8": 5 here. 1 where the text is something else.
size_t count_cpus(const std::string& list) {
    size_t count = 0;
    size_t position = 0;
    while (position < list.size()) {
        const size_t comma = std::min(list.find(',', position), list.size());
        const std::string range = list.substr(position, comma - position);
        unsigned first = 0;
        unsigned last = 0;
        const int fields = std::sscanf(range.c_str(), "%u-%u", &first, &last);
        if (fields < 1) {
            return 1;
        }
        count += fields == 2 && last >= first ? last - first + 1 : 1;
        position = comma + 1;
    }
    return std::max<size_t>(count, 1);
}

/// The share of the largest cache that the kernel describes for cpu 0; 0 where it describes none.
size_t share_from_sysfs() {
    size_t largest = 0;
    size_t share = 0;
    for (int index = 0; index < kCacheLevels; ++index) {
        const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
        const Result<int64_t> size = parse_size(first_word(folder + "/size"));
        if (size.is_ok() && static_cast<size_t>(*size) > largest) {
            largest = static_cast<size_t>(*size);
            share = largest / count_cpus(first_word(folder + "/shared_cpu_list"));
        }
    }
    return share;
}

size_t share_from_sysconf() {
    long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (size <= 0) {
        size = sysconf(_SC_LEVEL2_CACHE_SIZE);
    }
    return size <= 0 ? 0 : static_cast<size_t>(size) / std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

size_t usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) !=
        0) {  // fails where the machine has more than CPU_SETSIZE cpus
        return std::max(1U, std::thread::hardware_concurrency());
    }
    return static_cast<size_t>(std::max(CPU_COUNT(&set), 1));
}

size_t cache_share() {
    const size_t described = share_from_sysfs();
    return std::max(described > 0 ? described : share_from_sysconf(), kSmallestShare);
}

}  // namespace memfabric::copy
