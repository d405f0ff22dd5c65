// SPDX-License-Identifier: Apache-2.0
#include "memory/machine_memory.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>

#include "base/fd.h"
#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

constexpr off_t kHugePage = off_t{2} << 20;

std::optional<uint64_t> number_in(const std::string& path) {
    const std::string text = first_line_of(path);
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::string total_memory() {
    std::ifstream file("/proc/meminfo");
    std::string word;
    uint64_t kibibytes = 0;
    while (file >> word) {
        if (word == "MemTotal:" && file >> kibibytes) {
            return bytes_text(kibibytes * 1024);
        }
    }
    return "unknown";
}

/// The folder of this process's cgroup (version 2), from its line "0::/path".
std::string cgroup_folder() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::")) {
            return "/sys/fs/cgroup" + line.substr(3);
        }
    }
    return "/sys/fs/cgroup";
}

std::optional<uint64_t> cgroup_limit() {
    constexpr uint64_t kNoLimit = uint64_t{1} << 60;  // version 1 writes a number near 2^63
    for (const std::string& path : {cgroup_folder() + "/memory.max", std::string("/sys/fs/cgroup/memory.max"),
                                    std::string("/sys/fs/cgroup/memory/memory.limit_in_bytes")}) {
        if (const auto limit = number_in(path); limit && *limit < kNoLimit) {
            return limit;
        }
    }
    return std::nullopt;
}

MachineCheck pool_check() {
    const std::string folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    const uint64_t total = number_in(folder + "nr_hugepages").value_or(0);
    const uint64_t free = number_in(folder + "free_hugepages").value_or(0);
    std::string value = fmt::format("{} of {} pages of 2 MiB free", free, total);
    if (free == 0) {
        return {
            "huge pages (pool)", false, value,
            "MF_HUGE_PAGES falls back to normal pages: reserve some with `sysctl vm.nr_hugepages=N` as root"};
    }
    const Fd file(::memfd_create("memfabric-probe", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB));
    if (!file.is_open() || ::fallocate(file.get(), 0, 0, kHugePage) != 0) {
        return {"huge pages (pool)", false, value + ", but none can be had: " + errno_text(errno),
                "raise the hugetlb limit of this container or cgroup"};
    }
    return {"huge pages (pool)", true, value, "MF_HUGE_PAGES=try uses them"};
}

MachineCheck transparent_check() {
    const std::string setting = first_line_of("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    const size_t open = setting.find('[');
    const size_t close = setting.find(']');
    const bool known = open != std::string::npos && close != std::string::npos && open < close;
    const std::string chosen = known ? setting.substr(open + 1, close - open - 1) : "unknown";
    const bool works =
        chosen == "always" || chosen == "within_size" || chosen == "advise" || chosen == "force";
    return {"huge pages (transparent, shmem)", works, chosen,
            works ? ""
                  : "`echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled` as root lets shared "
                    "segments have them"};
}

}  // namespace

void check_memory(std::vector<MachineCheck>& checks) {
    std::string value = fmt::format("{}, {} available to this process", total_memory(),
                                    bytes_text(memory::available_bytes()));
    const std::optional<uint64_t> limit = cgroup_limit();
    if (limit) {
        value += fmt::format(", cgroup limit {}", bytes_text(*limit));
    }
    checks.push_back(
        {"memory", true, value, limit ? "ranks in this container share the cgroup's limit" : ""});

    const std::string overcommit = first_line_of("/proc/sys/vm/overcommit_memory");
    const bool strict = overcommit == "2";
    checks.push_back({"overcommit", !strict, overcommit.empty() ? "unknown" : overcommit,
                      strict ? "the kernel counts every promise of memory: raise vm.overcommit_ratio, or set "
                               "vm.overcommit_memory=0"
                             : ""});
}

void check_huge_pages(std::vector<MachineCheck>& checks) {
    checks.push_back(pool_check());
    checks.push_back(transparent_check());
}

}  // namespace memfabric
