// SPDX-License-Identifier: Apache-2.0
#include "helper_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill() stands in POSIX's
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

extern char** environ;

namespace mf {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{5};

struct Pipe {
    Descriptor reading;
    Descriptor writing;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "making a pipe");
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

std::vector<std::string> environment_with(const HelperProcess::Environment& extra) {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text(*entry);
        const bool replaced = std::ranges::any_of(
            extra, [&](const auto& variable) { return text.starts_with(variable.first + "="); });
        if (!replaced) {
            entries.push_back(text);
        }
    }
    for (const auto& [name, value] : extra) {
        entries.push_back(fmt::format("{}={}", name, value));
    }
    return entries;
}

/// At least 0.
int milliseconds_until(Clock::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

}  // namespace

HelperProcess::HelperProcess(const std::vector<std::string>& command, const Environment& extra) {
    start(command, extra);
}

void HelperProcess::start(const std::vector<std::string>& command, const Environment& extra) {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    std::vector<std::string> words = command;
    std::vector<std::string> variables = environment_with(extra);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.reading.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.writing.get(), STDOUT_FILENO);
    const int error = ::posix_spawnp(&child_, command.front().c_str(), &actions, nullptr,
                                     pointers_to(words).data(), pointers_to(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        child_ = -1;
        throw std::system_error(error, std::generic_category(), "starting " + command.front());
    }
    to_child_ = std::move(input.writing);
    from_child_ = std::move(output.reading);
}

HelperProcess::~HelperProcess() {
    to_child_.reset();
    if (child_ < 0) {
        return;
    }
    // By number: sys/pidfd.h of glibc 2.36 declares its function with C++ linkage.
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
    pollfd ended{process.get(), POLLIN, 0};
    const auto end = Clock::now() + kGrace;
    while (::poll(&ended, 1, milliseconds_until(end)) < 0 && errno == EINTR) {
    }
    if ((ended.revents & POLLIN) == 0) {
        ::kill(child_, SIGKILL);
    }
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void HelperProcess::write_line(const std::string& line) {
    const std::string whole = line + "\n";
    size_t written = 0;
    while (written < whole.size()) {
        const ssize_t count = ::write(to_child_.get(), whole.data() + written, whole.size() - written);
        if (count < 0 && errno != EINTR) {
            return;
        }
        written += static_cast<size_t>(std::max<ssize_t>(count, 0));
    }
}

bool HelperProcess::read_more(Clock::time_point end) {
    pollfd readable{from_child_.get(), POLLIN, 0};
    const int ready = ::poll(&readable, 1, milliseconds_until(end));
    if (ready < 0) {
        return errno == EINTR;
    }
    std::array<char, 4096> bytes{};
    const ssize_t count = ready == 0 ? 0 : ::read(from_child_.get(), bytes.data(), bytes.size());
    pending_.append(bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return count > 0 || (count < 0 && errno == EINTR);
}

std::optional<std::string> HelperProcess::read_line(std::chrono::milliseconds patience) {
    const auto end = Clock::now() + patience;
    size_t line_end = 0;
    while ((line_end = pending_.find('\n')) == std::string::npos) {
        if (!read_more(end)) {
            return std::nullopt;
        }
    }
    std::string line = pending_.substr(0, line_end);
    pending_.erase(0, line_end + 1);
    return line;
}

}  // namespace mf
