// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "host_workers.h"
#include "measure/statistics.h"
#include "probe.h"
#include "signals.h"

namespace mf {
namespace {

using nlohmann::ordered_json;
namespace measure = memfabric::measure;

struct PingArguments {
    HostChoice hosts;
    std::string store;
    uint32_t count = 100;
    double timeout = 3;  // seconds
    bool serve = false;
    bool worker = false;
    bool json = false;

    std::chrono::milliseconds patience() const {
        return std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
    }
};

constexpr std::chrono::seconds kStartLimit{30};  // of a host's mf, by ssh
constexpr double kMicro = 1e6;
constexpr uint64_t kOffered = 4096;  // so that whoever pings can try a read as well

/// Pings are messages; a read takes the way that data takes. Empty where it works, or nothing is offered.
std::string read_problem(const Probe& probe, const ordered_json& peer) {
    if (peer.at("offers").get<uint64_t>() == 0 || peer.at("same_host").get<bool>()) {
        return "";
    }
    uint64_t word = 0;
    try {
        probe.copy(peer.at("number").get<uint32_t>(), false, {{&word, 0, sizeof word}});
    } catch (const std::exception& error) {
        return fmt::format("it answers, but reading its memory failed: {}", error.what());
    }
    return "";
}

/// One line of the result: how `peer` is reached from `own`.
ordered_json ping_peer(const Probe& probe, const ordered_json& own, const ordered_json& peer,
                       uint32_t count) {
    const auto number = peer.at("number").get<uint32_t>();
    const bool measured = !peer.at("same_host").get<bool>();
    std::string problem;
    std::vector<double> times;
    for (uint32_t i = 0; problem.empty() && i < (measured ? count + 1 : 1); ++i) {
        times.push_back(measure::seconds_of([&] { problem = probe.ping(number); }) * kMicro);
    }
    if (problem.empty()) {
        problem = read_problem(probe, peer);
    }
    ordered_json row = {{"from", own},
                        {"to", peer},
                        {"path", path_text(peer)},
                        {"reached", problem.empty()},
                        {"problem", problem}};
    if (measured && problem.empty()) {
        row["first_us"] = times.front();  // with the connection
        times.erase(times.begin());
        row["min_us"] = measure::quantile(times, 0);
        row["median_us"] = measure::median(times);
    }
    return row;
}

ordered_json ping_all(const Probe& probe, uint32_t count) {
    const ordered_json seen = probe.look();
    ordered_json rows = ordered_json::array();
    for (const ordered_json& peer : seen.at("peers")) {
        rows.push_back(ping_peer(probe, seen.at("own"), peer, count));
    }
    return rows;
}

/// "node1 4711 python3", or what the user called it.
std::string name_of(const ordered_json& process) {
    if (process.contains("name")) {
        return process.at("name").get<std::string>();
    }
    return fmt::format("{} {} {}", process.at("host").get<std::string>(), process.at("pid").get<int64_t>(),
                       process.at("program").get<std::string>());
}

void print_table(const ordered_json& rows) {
    std::vector<std::vector<std::string>> table = {{"from", "to", "first", "min", "median", "path"}};
    for (const ordered_json& row : rows) {
        const auto time = [&](const char* name) {
            return row.contains(name) ? time_text(row.at(name).get<double>()) : std::string("-");
        };
        const bool reached = row.at("reached").get<bool>();
        table.push_back({name_of(row.at("from")), name_of(row.at("to")), time("first_us"), time("min_us"),
                         time("median_us"),
                         (reached ? "" : "NOT REACHED by ") + row.at("path").get<std::string>() +
                             (reached ? "" : ": " + row.at("problem").get<std::string>())});
    }
    print_rows(table);
}

/// Returns the exit code: 0 where everybody was reached.
int report(const ordered_json& rows, bool as_json) {
    size_t reached = 0;
    for (const ordered_json& row : rows) {
        reached += row.at("reached").get<bool>() ? 1 : 0;
    }
    if (as_json) {
        fmt::print("{}\n", ordered_json{{"pings", rows}}.dump(2));
    } else {
        print_table(rows);
        fmt::print("{} of {} reached\n", reached, rows.size());
    }
    return reached == rows.size() && !rows.empty() ? 0 : 1;
}

/// What a host that did not come up is to every other.
ordered_json missing(const std::string& host, const std::string& problem) {
    return {{"from", {{"name", "-"}}},
            {"to", {{"name", host}}},
            {"path", "nothing"},
            {"reached", false},
            {"problem", problem}};
}

void give_names(ordered_json& row, const HostWorkers& hosts) {
    for (const char* end : {"from", "to"}) {
        const std::string name = hosts.host_of(row.at(end).at("id").get<std::string>());
        if (!name.empty()) {
            row.at(end)["name"] = name;
        }
    }
}

/// Every host pings every other; one host at a time, so that they do not disturb each other.
int ping_hosts(const PingArguments& arguments) {
    HostChoice choice = arguments.hosts;
    if (choice.hosts.size() == 1) {
        choice.hosts.insert(choice.hosts.begin(), "localhost");
    }
    HostWorkers hosts(choice,
                      {"ping", "--worker", "--count", std::to_string(arguments.count), "--timeout",
                       fmt::format("{}", arguments.timeout)},
                      kStartLimit);
    ordered_json rows = ordered_json::array();
    const auto of_all_peers = kStartLimit + arguments.patience() * 2 * hosts.workers().size();
    for (HostWorkers::Worker& worker : hosts.workers()) {
        if (!worker.process) {
            rows.push_back(missing(worker.host, worker.problem));
            continue;
        }
        worker.process->write_line("go");
        const auto line =
            worker.process->read_line(std::chrono::duration_cast<std::chrono::milliseconds>(of_all_peers));
        if (!line) {
            rows.push_back(missing(worker.host, "its mf ended; what it said stands above"));
            continue;
        }
        for (ordered_json& row : ordered_json::parse(*line)) {
            give_names(row, hosts);
            rows.push_back(std::move(row));
        }
    }
    return report(rows, arguments.json);
}

/// On a host, for ping_hosts: answers, and pings all when told to, until its input ends.
int work(const PingArguments& arguments) {
    const Probe probe(arguments.store, kOffered, arguments.patience());
    say_ready(probe.look().at("own").at("id").get<std::string>());
    for (std::string line; std::getline(std::cin, line);) {
        fmt::print("{}\n", ping_all(probe, arguments.count).dump());
        std::fflush(stdout);
    }
    return 0;
}

int serve(const PingArguments& arguments) {
    const Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        throw std::runtime_error("cannot wait for signals");
    }
    const Probe probe(arguments.store, kOffered, arguments.patience());
    fmt::print("answering pings at {}; end with Ctrl-C\n", arguments.store);
    std::fflush(stdout);  // who started us may wait for the line on a pipe
    pollfd ended{signals.get(), POLLIN, 0};
    while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
    }
    return 0;
}

int ping_store(const PingArguments& arguments) {
    const Probe probe(arguments.store, 0, arguments.patience());
    const ordered_json rows = ping_all(probe, arguments.count);
    if (rows.empty()) {
        fmt::print(
            stderr,
            "mf ping: error: no process that other hosts can reach is at {}: processes are listed once "
            "they use the fabric (MF_FABRIC); `mf ping --serve` starts one that does nothing else\n",
            arguments.store);
    }
    return report(rows, arguments.json);
}

int ping(PingArguments arguments) {
    if (arguments.hosts.any()) {
        return ping_hosts(arguments);
    }
    if (arguments.store.empty()) {
        const char* url = std::getenv("MF_STORE_URL");  // NOLINT(concurrency-mt-unsafe): no thread runs yet
        arguments.store = url != nullptr ? url : "";
    }
    if (arguments.store.empty()) {
        throw CLI::RequiredError("HOST... or --store");
    }
    if (arguments.worker) {
        return work(arguments);
    }
    return arguments.serve ? serve(arguments) : ping_store(arguments);
}

}  // namespace

void register_ping(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "ping", "Whether processes of other hosts are reached, by which path, how fast: mf ping HOST...");
    const auto arguments = std::make_shared<PingArguments>();
    add_host_options(*command, arguments->hosts);
    CLI::Option* store = command->add_option(
        "--store", arguments->store,
        "Ping every process at this config store, also of running programs (default: MF_STORE_URL)");
    store->excludes(command->get_option("HOST"))->excludes(command->get_option("--hostfile"));
    command->add_flag("--serve", arguments->serve, "Be a process to be pinged, until SIGINT or SIGTERM");
    command->add_option("--count", arguments->count, "Pings of each peer, after the first")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    command->add_option("--timeout", arguments->timeout, "Seconds until a peer counts as not reached")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    command->add_flag("--json", arguments->json, "As JSON");
    command->add_flag("--worker", arguments->worker, "Ping when told to by standard input")->group("");
    command->callback([&session, arguments] { session.exit_code = ping(*arguments); });
}

}  // namespace mf
