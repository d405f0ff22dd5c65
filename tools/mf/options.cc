// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "capi/private_api.h"
#include "commands.h"
#include "library.h"

namespace mf {
namespace {

struct Format {
    bool json = false;
    bool markdown = false;
};

std::string field(const nlohmann::json& row, const char* name) {
    return row.at(name).get<std::string>();
}

/// A cell of a table: '|' would end it.
std::string cell(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    }
    return escaped;
}

/// docs/options.md as a whole; says nothing of the values in this process's environment.
void print_markdown(const nlohmann::json& rows) {
    fmt::print(
        "# Options\n\n"
        "Every option is an environment variable, read when a process initializes. A value outside its range "
        "is an error, an unknown\n"
        "`MF_` variable a warning. `mf options` shows the values in effect.\n\n"
        "This page is written by `mf options --markdown`.\n\n"
        "| option | type | default | range | meaning |\n|---|---|---|---|---|\n");
    for (const auto& row : rows) {
        const std::string standard = field(row, "default");
        fmt::print("| `{}` | {} | {} | {} | {} |\n", field(row, "name"), field(row, "type"),
                   standard.empty() ? "" : "`" + standard + "`", cell(field(row, "range")),
                   cell(field(row, "text")));
    }
}

void print_table(const nlohmann::json& rows) {
    for (const auto& row : rows) {
        const bool given = row.at("given").get<bool>();
        fmt::print("{}={}{}\n    {}\n    {}: {}; default: {}\n", field(row, "name"), field(row, "value"),
                   given ? "  (given)" : "", field(row, "text"), field(row, "type"), field(row, "range"),
                   field(row, "default").empty() ? "none" : field(row, "default"));
    }
}

int show_options(const Format& format) {
    const LibraryText options(mf_private_options_json());
    if (!options.ok) {
        return 1;
    }
    const auto parsed = nlohmann::json::parse(options.text);
    if (format.json) {
        fmt::print("{}\n", parsed.dump(2));
    } else if (format.markdown) {
        print_markdown(parsed.at("options"));
    } else {
        print_table(parsed.at("options"));
    }
    return 0;
}

}  // namespace

void register_options(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("options", "All options, their values here, defaults and ranges");
    const auto format = std::make_shared<Format>();
    CLI::Option* json = command->add_flag("--json", format->json, "As JSON");
    command->add_flag("--markdown", format->markdown, "As the page docs/options.md, without the values here")
        ->excludes(json);
    command->callback([&session, format] { session.exit_code = show_options(*format); });
}

}  // namespace mf
