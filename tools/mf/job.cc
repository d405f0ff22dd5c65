// SPDX-License-Identifier: Apache-2.0
#include "job.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "capi/private_api.h"

namespace mf {
namespace {

constexpr int kOutputClosed = 128 + SIGPIPE;

std::string signal_text(int number) {
    const char* const text = ::sigdescr_np(number);
    return text != nullptr ? text : "a real-time signal";
}

std::string description(RankEnd end, bool of_host) {
    constexpr int kOfSsh = 255;
    if (end.by_signal) {
        return fmt::format("was killed by signal {} ({})", end.code - 128, signal_text(end.code - 128));
    }
    // ssh itself has no word for the last of these.
    return fmt::format("exited with code {}{}", end.code,
                       of_host && end.code == kOfSsh ? ", as ssh does where the host is not reached, the "
                                                       "connection is lost, or mf run is killed there"
                                                     : "");
}

/// Processes below ours that are left: what ranks have started and left, since we adopt orphans.
std::vector<pid_t> children() {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
        std::ifstream list(thread.path() / "children");
        for (pid_t child = 0; list >> child;) {
            found.push_back(child);
        }
    }
    return found;
}

}  // namespace

Job::Job(LaunchPlan plan, std::chrono::milliseconds grace, Descriptor signals, Descriptor control)
    : plan_(std::move(plan)), grace_(grace), signals_(std::move(signals)), control_(std::move(control)) {
    // Orphans of the ranks become our children, so that we can end them.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Job::~Job() {
    end_leftovers();
}

void Job::start(uint32_t rank, const RankProcess::Environment& variables) {
    add(plan_, rank, variables, fmt::format("[{}] ", rank), fmt::format("rank {}", rank));
}

void Job::start_host(const std::string& name, uint32_t first_rank, std::vector<std::string> program) {
    LaunchPlan plan = plan_;
    plan.program = std::move(program);
    plan.controlled = true;
    plan.relay_output = true;  // by whole lines, so that hosts do not cut each other's
    add(plan, first_rank, {}, "", name);
}

void Job::add(const LaunchPlan& plan, uint32_t rank, const RankProcess::Environment& variables,
              const std::string& prefix, std::string name) {
    ranks_.emplace_back(plan, rank, variables);
    names_.push_back(std::move(name));
    exited_.push_back(false);
    if (plan.relay_output) {
        relays_.emplace_back(std::move(ranks_.back().output()), STDOUT_FILENO, prefix);
        relays_.emplace_back(std::move(ranks_.back().errors()), STDERR_FILENO, prefix);
    }
}

int Job::run() {
    while (std::find(exited_.begin(), exited_.end(), false) != exited_.end()) {
        step();
    }
    end_leftovers();
    mf_private_sweep_runtime_folder();  // of those that were killed
    drain();
    return first_failure_.value_or(0);
}

void Job::step() {
    std::vector<pollfd> waiting{{signals_.get(), POLLIN, 0}, {control_.get(), POLLIN, 0}};
    const size_t first_relay = waiting.size();
    for (const LineRelay& relay : relays_) {
        waiting.push_back({relay.source(), POLLIN, 0});  // poll ignores what is closed (-1)
    }
    const size_t first_rank = waiting.size();
    for (size_t i = 0; i < ranks_.size(); ++i) {
        waiting.push_back({exited_[i] ? -1 : ranks_[i].exit_descriptor(), POLLIN, 0});
    }
    if (::poll(waiting.data(), waiting.size(), poll_timeout()) < 0 && errno != EINTR) {
        throw std::runtime_error(fmt::format("poll: {}", std::generic_category().message(errno)));
    }
    if (waiting.front().revents != 0) {
        handle_signal(next_signal(signals_));
    }
    if (waiting[1].revents != 0) {
        handle_control();
    }
    for (size_t i = 0; i < relays_.size(); ++i) {
        if (waiting[first_relay + i].revents != 0) {
            pump(relays_[i]);
        }
    }
    if (std::any_of(waiting.begin() + static_cast<ptrdiff_t>(first_rank), waiting.end(),
                    [](const pollfd& one) { return one.revents != 0; })) {
        handle_exits();
    }
    if (kill_at_ && Clock::now() >= *kill_at_) {
        send_all(SIGKILL);
        kill_at_ = Clock::time_point::max();
    }
}

int Job::poll_timeout() const {
    if (!kill_at_ || *kill_at_ == Clock::time_point::max()) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

void Job::handle_signal(int signal) {
    if (signal == 0) {
        return;
    }
    // Whoever asks a second time will not wait.
    stop_all(kill_at_ ? SIGKILL : signal);
}

void Job::handle_control() {
    std::array<char, 64> text;
    const ssize_t size = ::read(control_.get(), text.data(), text.size());
    if (size <= 0) {
        control_.reset();
        if (is_told_) {
            stop_all(SIGKILL);  // a launcher that has told us to stop stays, unless it will not wait
        } else if (!kill_at_) {
            stop_all(SIGTERM);
        }
        return;
    }
    std::istringstream numbers(std::string(text.data(), static_cast<size_t>(size)));
    for (int signal = 0; numbers >> signal;) {
        is_told_ = true;
        handle_signal(signal);
    }
}

void Job::handle_exits() {
    for (size_t i = 0; i < ranks_.size(); ++i) {
        const std::optional<RankEnd> end = exited_[i] ? std::nullopt : ranks_[i].end();
        if (!end) {
            continue;
        }
        exited_[i] = true;
        if (end->code == 0 || first_failure_) {
            continue;
        }
        first_failure_ = end->code;
        if (!kill_at_) {
            const bool alone = std::find(exited_.begin(), exited_.end(), false) == exited_.end();
            fmt::print(stderr, "mf run: {} {}{}\n", names_[i], description(*end, ranks_[i].is_controlled()),
                       alone ? "" : "; stopping the others");
            stop_all(SIGTERM);
        }
    }
}

void Job::pump(LineRelay& relay) {
    if (!relay.pump() && !first_failure_) {
        first_failure_ = kOutputClosed;
        stop_all(SIGTERM);
    }
}

void Job::stop_all(int signal) {
    send_all(signal);
    if (!kill_at_) {
        kill_at_ = Clock::now() + grace_;
    }
}

void Job::send_all(int signal) const {
    for (size_t i = 0; i < ranks_.size(); ++i) {
        ranks_[i].send(signal);
        ranks_[i].send(SIGCONT);  // a stopped process hears signals only then
    }
}

void Job::end_leftovers() {
    ranks_.clear();
    for (std::vector<pid_t> left = children(); !left.empty(); left = children()) {
        for (const pid_t child : left) {
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
    }
}

void Job::drain() {
    // Every writer is gone: what is in the pipes is all that comes, and then their end.
    for (LineRelay& relay : relays_) {
        while (relay.is_open()) {
            pump(relay);
        }
    }
}

}  // namespace mf
