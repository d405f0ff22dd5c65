// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "descriptor.h"
#include "smem_trans.h"

namespace mf {

/// A transfer session of this process, under a port of loopback that it holds. Failures are exceptions that
/// carry the library's text.
class TransSession {
 public:
    explicit TransSession(const std::string& store_url);
    ~TransSession();
    TransSession(const TransSession&) = delete;
    TransSession& operator=(const TransSession&) = delete;

    smem_trans_t handle() const { return handle_; }
    const std::string& name() const { return name_; }

 private:
    Descriptor port_;
    std::string name_;
    smem_trans_t handle_ = nullptr;
};

/// Throws where a call of the library failed.
void check_call(int32_t code, const char* call);

/// What an initiator must know of a target.
struct TransTarget {
    std::string store;
    std::string session;
    uint64_t address = 0;
    size_t size = 0;
};

/// As the options of `mf bench trans` that reach the target, and back.
std::string to_options(const TransTarget& target);
TransTarget from_options(const std::string& text);

/// What a target offers.
struct TargetSettings {
    std::string store;  // empty: one of its own
    size_t size = size_t{1} << 30;
    bool library_memory = false;
    bool until_input_ends = false;  // else until SIGINT or SIGTERM
};

/// Registers memory, prints the command for the initiator as one line on standard output, and serves until it
/// is told to end. Returns the exit code; failures are exceptions.
int serve_target(const TargetSettings& settings);

/// A target in a child process; ends with the object.
class TargetProcess {
 public:
    explicit TargetProcess(const TargetSettings& settings);
    ~TargetProcess();
    TargetProcess(const TargetProcess&) = delete;
    TargetProcess& operator=(const TargetProcess&) = delete;

    const TransTarget& target() const { return target_; }

 private:
    void start(const TargetSettings& settings);
    void stop();

    pid_t child_ = -1;
    Descriptor to_child_;  // closing it ends the child
    TransTarget target_;
};

}  // namespace mf
