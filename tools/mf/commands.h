// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mf {

/// What main shares with the subcommands.
struct Session {
    int exit_code = 0;                 // set by the subcommand that ran
    std::vector<std::string> program;  // what stands behind "--"
};

// One a file: each adds its subcommand, whose callback runs it. main calls all of them.
void register_info(CLI::App& app, Session& session);
void register_options(CLI::App& app, Session& session);
void register_store(CLI::App& app, Session& session);
void register_certs(CLI::App& app, Session& session);
void register_run(CLI::App& app, Session& session);
void register_ping(CLI::App& app, Session& session);
void register_top(CLI::App& app, Session& session);
void register_bench(CLI::App& app, Session& session);

}  // namespace mf
