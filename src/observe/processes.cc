// SPDX-License-Identifier: Apache-2.0
// Finds the boards of other processes below /proc: so a process that was killed leaves nothing behind, and
// the kernel decides who may look.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/folder.h"
#include "base/log.h"
#include "observe/reading.h"

namespace memfabric::observe {
namespace {

std::optional<int64_t> number_of(const std::string& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool is_ours(const std::string& process) {
    struct stat facts {};
    return ::stat(process.c_str(), &facts) == 0 && facts.st_uid == ::geteuid();
}

/// Whether a descriptor of a process is of a board; the kernel appends " (deleted)" to its name.
bool is_board(const std::string& descriptor) {
    const std::string wanted = std::string("/memfd:") + kBoardName;
    std::string target(wanted.size(), '\0');
    const ssize_t size = ::readlink(descriptor.c_str(), target.data(), target.size());
    return size == static_cast<ssize_t>(wanted.size()) && target == wanted;
}

/// What the process has counted; none where it has no board, or is gone.
std::optional<Reading> read_process(const std::string& process) {
    const std::string folder = process + "/fd";
    for (const std::string& name : names_in(folder)) {
        const std::string path = fmt::format("{}/{}", folder, name);
        if (!is_board(path)) {
            continue;
        }
        const Fd descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!descriptor.is_open()) {
            continue;
        }
        Result<Reading> reading = read_board(descriptor.get());
        if (reading.is_ok()) {
            return std::move(reading).value();
        }
        log_info("{}: {}", process, reading.status().message());
    }
    return std::nullopt;
}

}  // namespace

std::vector<Reading> read_processes() {
    std::vector<Reading> found;
    for (const std::string& name : names_in("/proc")) {
        const std::string process = "/proc/" + name;
        const std::optional<int64_t> pid = number_of(name);
        if (!pid || *pid == ::getpid() || !is_ours(process)) {
            continue;
        }
        if (std::optional<Reading> reading = read_process(process)) {
            reading->pid = *pid;
            found.push_back(std::move(*reading));
        }
    }
    std::ranges::sort(found, {}, &Reading::pid);
    return found;
}

}  // namespace memfabric::observe
