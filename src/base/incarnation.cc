// SPDX-License-Identifier: Apache-2.0
#include "base/incarnation.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/fd.h"
#include "base/log.h"

namespace memfabric {
namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

struct ProcessStat {
    char state = 'X';
    uint64_t start_time = 0;
};

ProcessStat read_stat(const std::string& path) {
    // The command's name, field 2, may hold spaces and parentheses: count from the last one.
    const std::string line = first_line(path.c_str());
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    ProcessStat stat;
    std::string word;
    rest >> stat.state;
    for (int field = 4; field <= 22 && rest >> word; ++field) {
    }
    stat.start_time = std::strtoull(word.c_str(), nullptr, 10);
    return stat;
}

}  // namespace

std::string Incarnation::text() const {
    return fmt::format("{}/{}/{}/{:016x}", host_id, pid, start_time, random_id);
}

std::string host_identity(const Options& options) {
    if (!options.text(OptionId::kHostId).empty()) {
        return options.text(OptionId::kHostId);
    }
    std::string boot_id = first_line("/proc/sys/kernel/random/boot_id");
    return boot_id.empty() ? "unknown-host" : boot_id;
}

Incarnation make_incarnation(const Options& options) {
    return Incarnation{host_identity(options), ::getpid(), read_stat("/proc/self/stat").start_time,
                       random_u64()};
}

ProcessState process_state(int64_t pid, uint64_t start_time) {
    const ProcessStat stat = read_stat(fmt::format("/proc/{}/stat", pid));
    if (stat.state == 'Z' || stat.state == 'X' || stat.start_time != start_time) {
        return ProcessState::kGone;
    }
    return stat.state == 'T' || stat.state == 't' ? ProcessState::kStopped : ProcessState::kLives;
}

uint64_t random_u64() {
    uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value)) {
        return value;
    }
    // Only where a filter of system calls forbids it. Tokens are made of these numbers: no clock will do.
    const Fd device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
    if (::read(device.get(), &value, sizeof value) != static_cast<ssize_t>(sizeof value)) {
        log_error("the kernel gives no random numbers, neither getrandom nor /dev/urandom ({})",
                  errno_text(errno));
        std::abort();
    }
    return value;
}

}  // namespace memfabric
