// SPDX-License-Identifier: Apache-2.0
#include "rank_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "signals.h"

namespace mf {
namespace {

struct Pipe {
    Descriptor read_end;
    Descriptor write_end;
};

[[noreturn]] void fail(const std::string& what, int error) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        fail("no pipe for a rank's output (see `ulimit -n`)", errno);
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// The process's environment with some variables set anew, as execve wants it.
std::vector<std::string> environment_with(const RankProcess::Environment& variables) {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        if (std::none_of(variables.begin(), variables.end(),
                         [&](const auto& variable) { return variable.first == name; })) {
            entries.emplace_back(text);
        }
    }
    for (const auto& [name, value] : variables) {
        entries.push_back(fmt::format("{}={}", name, value));
    }
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// What the child needs, made before the fork: the child must not allocate, since threads of the parent may
/// hold the heap's lock.
struct Child {
    pid_t parent;
    bool own_input;
    int input;
    int output;
    int errors;
    int report;
    rlimit open_files;
    char** arguments;
    char** environment;
};

[[noreturn]] void become_program(const Child& child) {
    if (child.input >= 0) {
        // Without a terminal: ssh would ask there, be stopped for not being in its foreground, and never end.
        ::setsid();
    } else {
        ::setpgid(0, 0);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != child.parent) {
        ::_exit(127);  // mf died before the line above
    }
    if (child.input >= 0) {
        ::dup2(child.input, STDIN_FILENO);
    } else if (!child.own_input) {
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, STDIN_FILENO);
        ::close(nothing);
    }
    if (child.output >= 0) {
        ::dup2(child.output, STDOUT_FILENO);
        ::dup2(child.errors, STDERR_FILENO);
    }
    ::setrlimit(RLIMIT_NOFILE, &child.open_files);
    give_back_signals();
    ::execvpe(child.arguments[0], child.arguments, child.environment);
    const int error = errno;
    static_cast<void>(::write(child.report, &error, sizeof error));
    ::_exit(127);
}

}  // namespace

ProgramError::ProgramError(const std::string& program, int error)
    : std::runtime_error(
          fmt::format("'{}' cannot be started: {}", program, std::generic_category().message(error))),
      exit_code_(error == ENOENT ? 127 : 126) {}

RankProcess::RankProcess(const LaunchPlan& plan, uint32_t rank, const Environment& variables) : rank_(rank) {
    std::vector<std::string> arguments = plan.program;
    std::vector<std::string> environment = environment_with(variables);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> environment_pointers = pointers_to(environment);
    Pipe report = make_pipe();
    Pipe output = plan.relay_output ? make_pipe() : Pipe();
    Pipe errors = plan.relay_output ? make_pipe() : Pipe();
    Pipe control = plan.controlled ? make_pipe() : Pipe();
    // Rank 0 reads what is piped into mf; a terminal stays with mf, which is the one in its foreground.
    const bool own_input = plan.pass_input && rank == 0 && ::isatty(STDIN_FILENO) == 0;
    const Child child{::getpid(),
                      own_input,
                      control.read_end.get(),
                      output.write_end.get(),
                      errors.write_end.get(),
                      report.write_end.get(),
                      plan.open_files,
                      const_cast<char**>(argument_pointers.data()),
                      const_cast<char**>(environment_pointers.data())};
    pid_ = ::fork();
    if (pid_ == 0) {
        become_program(child);
    }
    if (pid_ < 0) {
        fail(fmt::format("rank {} cannot be started (see `ulimit -u`)", rank), errno);
    }
    report.write_end.reset();
    int error = 0;
    // Ends when the program runs, which closes the pipe, or tells why it does not.
    if (::read(report.read_end.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
        ::waitpid(pid_, nullptr, 0);
        throw ProgramError(plan.program.front(), error);
    }
    // By number: sys/pidfd.h of glibc 2.36 declares its function with C++ linkage.
    pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_.is_open()) {
        const int reason = errno;
        send(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        fail("pidfd_open", reason);
    }
    output_ = std::move(output.read_end);
    errors_ = std::move(errors.read_end);
    control_ = std::move(control.write_end);
}

RankProcess::RankProcess(RankProcess&& other) noexcept
    : rank_(other.rank_),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      control_(std::move(other.control_)) {}

RankProcess::~RankProcess() {
    if (pid_ > 0) {
        send(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void RankProcess::send(int signal) const {
    if (control_.is_open() && signal != SIGKILL) {
        if (signal != SIGCONT) {
            // A pipe takes this line at once; nobody there to read it: it ends already.
            const std::string line = fmt::format("{}\n", signal);
            static_cast<void>(!::write(control_.get(), line.data(), line.size()));
        }
    } else if (pid_ > 0) {
        ::kill(-pid_, signal);  // ESRCH: the group is gone already
    }
}

std::optional<RankEnd> RankProcess::end() const {
    siginfo_t information{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        information.si_pid == 0) {
        return std::nullopt;
    }
    const bool by_signal = information.si_code != CLD_EXITED;
    return RankEnd{by_signal ? 128 + information.si_status : information.si_status, by_signal};
}

}  // namespace mf
