// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "descriptor.h"

namespace mf {

/// A child that is told what to do by lines on its standard input and answers by lines on its standard
/// output. The end of its input is its order to end; so it ends, too, when this process is killed.
class HelperProcess {
 public:
    using Environment = std::vector<std::pair<std::string, std::string>>;

    /// Throws std::system_error where it cannot be started. `extra`: variables beside our own.
    explicit HelperProcess(const std::vector<std::string>& command, const Environment& extra = {});
    /// Lets it end, for 5 s; then kills it.
    ~HelperProcess();
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;

    /// A child that has ended reads nothing; read_line tells.
    void write_line(const std::string& line);
    /// Nothing where it has ended, or no whole line came in time.
    std::optional<std::string> read_line(std::chrono::milliseconds patience);

 private:
    void start(const std::vector<std::string>& command, const Environment& extra);
    bool read_more(std::chrono::steady_clock::time_point end);

    pid_t child_ = -1;
    Descriptor to_child_;
    Descriptor from_child_;
    std::string pending_;
};

}  // namespace mf
