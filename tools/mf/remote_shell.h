// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace mf {

/// What the `mf run` of one host is told on its command line there.
struct HostCommand {
    std::string shell;  // its words, split at spaces; the host and one command line follow
    std::string host;   // "localhost" needs no remote shell
    std::vector<std::string> extra_environment;  // NAME, or NAME=VALUE
    std::vector<std::string> arguments;          // of the command `mf`, which lies at the same path there
};

/// The program and arguments that start it: in the same folder, with our MF_, SMEM_ and SHMEM_ variables but
/// for those that belong to one host or one rank.
std::vector<std::string> command_on_host(const HostCommand& command);

/// Our address on the way to the host, in brackets where it is an IPv6 address. Throws where the name does
/// not resolve or nothing leads there.
std::string address_towards(const std::string& host);

}  // namespace mf
