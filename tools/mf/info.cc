// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "capi/private_api.h"
#include "commands.h"
#include "library.h"

namespace mf {
namespace {

void print_table(const nlohmann::json& checks) {
    size_t width = 0;
    for (const auto& check : checks) {
        width = std::max(width, check.at("name").get<std::string>().size());
    }
    fmt::print("memfabric {}\n", MF_VERSION);
    for (const auto& check : checks) {
        fmt::print("{:>4}  {:<{}}  {}\n", check.at("ok").get<bool>() ? "ok" : "no",
                   check.at("name").get<std::string>(), width, check.at("value").get<std::string>());
        if (const auto advice = check.at("advice").get<std::string>(); !advice.empty()) {
            fmt::print("      {:<{}}  -> {}\n", "", width, advice);
        }
    }
}

int show_info(bool as_json) {
    const LibraryText info(mf_private_info_json());
    if (!info.ok) {
        return 1;
    }
    const auto parsed = nlohmann::json::parse(info.text);
    if (as_json) {
        fmt::print("{}\n", parsed.dump(2));
    } else {
        print_table(parsed.at("checks"));
    }
    return 0;
}

}  // namespace

void register_info(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("info", "What this machine can do, why not, and what to do about it");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "As JSON");
    command->callback([&session, as_json] { session.exit_code = show_info(*as_json); });
}

}  // namespace mf
