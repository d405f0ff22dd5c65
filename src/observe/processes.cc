// SPDX-License-Identifier: Apache-2.0
// Finds the boards of other processes below /proc: so a process that was killed leaves nothing behind, and
// the kernel decides who may look.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/log.h"
#include "observe/reading.h"

namespace memfabric::observe {
namespace {

namespace fs = std::filesystem;

std::optional<int64_t> number_of(const fs::path& name) {
    const std::string text = name.filename();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool is_ours(const fs::path& process) {
    struct stat facts {};
    return ::stat(process.c_str(), &facts) == 0 && facts.st_uid == ::geteuid();
}

/// What the process has counted; none where it has no board, or is gone.
std::optional<Reading> read_process(const fs::path& process) {
    const std::string wanted = std::string("/memfd:") + kBoardName;
    std::error_code ignored;
    for (fs::directory_iterator entry(process / "fd", ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
        std::error_code gone;
        // The kernel appends " (deleted)".
        if (!fs::read_symlink(entry->path(), gone).native().starts_with(wanted) || gone) {
            continue;
        }
        const Fd descriptor(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!descriptor.is_open()) {
            continue;
        }
        Result<Reading> reading = read_board(descriptor.get());
        if (reading.is_ok()) {
            return std::move(reading).value();
        }
        log_info("process {}: {}", process.filename().native(), reading.status().message());
    }
    return std::nullopt;
}

}  // namespace

std::vector<Reading> read_processes() {
    std::vector<Reading> found;
    std::error_code ignored;
    for (fs::directory_iterator entry("/proc", ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
        const std::optional<int64_t> pid = number_of(entry->path());
        if (!pid || *pid == ::getpid() || !is_ours(entry->path())) {
            continue;
        }
        if (std::optional<Reading> reading = read_process(entry->path())) {
            reading->pid = *pid;
            found.push_back(std::move(*reading));
        }
    }
    std::ranges::sort(found, {}, &Reading::pid);
    return found;
}

}  // namespace memfabric::observe
