// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "descriptor.h"

namespace mf {

/// How every rank is started.
struct LaunchPlan {
    std::vector<std::string> program;  // and its arguments
    bool relay_output = true;          // else ranks write to where mf writes
    rlimit open_files{};               // what the ranks get back, since mf raises its own limit
    bool pass_input = true;            // rank 0 reads what is piped into mf
    bool controlled = false;           // they are `mf run --controlled`, told of signals by their input
};

/// The program to start is not there or cannot be run.
class ProgramError : public std::runtime_error {
 public:
    /// `error` is the errno that execve left.
    ProgramError(const std::string& program, int error);
    /// As shells tell it: 127 where it was not found, else 126.
    int exit_code() const { return exit_code_; }

 private:
    int exit_code_;
};

/// How a rank ended.
struct RankEnd {
    int code = 0;  // its exit code, 128 + signal where one killed it
    bool by_signal = false;
};

/// One rank: the leader of a process group of its own, or of a session where it is controlled, killed by the
/// kernel when mf dies. Its exit status stays with the kernel until the destructor, which kills the whole
/// group, so that the group's number stays ours.
class RankProcess {
 public:
    using Environment = std::vector<std::pair<std::string, std::string>>;

    /// Throws ProgramError where it is the program that cannot be started, else std::runtime_error.
    RankProcess(const LaunchPlan& plan, uint32_t rank, const Environment& variables);
    RankProcess(RankProcess&& other) noexcept;
    RankProcess(const RankProcess&) = delete;
    RankProcess& operator=(const RankProcess&) = delete;
    RankProcess& operator=(RankProcess&&) = delete;
    ~RankProcess();

    uint32_t rank() const { return rank_; }
    pid_t pid() const { return pid_; }
    /// Told of signals by its input: the ranks of a host.
    bool is_controlled() const { return control_.is_open(); }
    /// Becomes readable when the rank exits.
    int exit_descriptor() const { return pidfd_.get(); }
    /// The rank's standard output and error; closed where they are not relayed.
    Descriptor& output() { return output_; }
    Descriptor& errors() { return errors_; }

    /// Sends the signal to the whole group; where it is controlled, by its input, but for SIGKILL.
    void send(int signal) const;
    /// nullopt while it runs.
    std::optional<RankEnd> end() const;

 private:
    uint32_t rank_;
    pid_t pid_ = -1;
    Descriptor pidfd_;
    Descriptor output_;
    Descriptor errors_;
    Descriptor control_;
};

}  // namespace mf
