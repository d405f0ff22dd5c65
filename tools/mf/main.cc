// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "commands.h"
#include "library.h"
#include "rank_process.h"

namespace {

/// Cuts the arguments at "--": what stands behind it belongs to the program that `mf run` starts.
std::vector<std::string> split_program(int& argc, char** argv) {
    char** const end = argv + argc;
    char** const dashes = std::find(argv, end, std::string_view("--"));
    std::vector<std::string> program(dashes == end ? end : dashes + 1, end);
    argc = static_cast<int>(dashes - argv);
    return program;
}

int run(int argc, char** argv) {
    if (!mf::check_library()) {
        return 1;
    }
    mf::Session session;
    session.program = split_program(argc, argv);
    CLI::App app("MemFabric: the memory of many processes as one pool", "mf");
    app.set_version_flag("--version", std::string("mf ") + MF_VERSION);
    app.require_subcommand(1);
    mf::register_info(app, session);
    mf::register_options(app, session);
    mf::register_store(app, session);
    mf::register_certs(app, session);
    mf::register_run(app, session);
    mf::register_ping(app, session);
    mf::register_top(app, session);
    mf::register_bench(app, session);
    CLI11_PARSE(app, argc, argv);
    return session.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const mf::ProgramError& error) {
        fmt::print(stderr, "mf: error: {}\n", error.what());
        return error.exit_code();
    } catch (const std::exception& error) {
        fmt::print(stderr, "mf: error: {}\n", error.what());
        return 1;
    }
}
