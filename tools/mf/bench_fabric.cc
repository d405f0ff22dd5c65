// SPDX-License-Identifier: Apache-2.0
#include "bench_fabric.h"

#include <fmt/core.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fabric_meter.h"
#include "host_workers.h"
#include "measure/bm_pair.h"
#include "probe.h"
#include "signals.h"

namespace mf {
namespace {

using nlohmann::ordered_json;

struct Arguments {
    HostChoice hosts;
    std::string store;
    FabricShape shape;
    size_t pool = size_t{512} << 20;
    double timeout = 10;  // seconds
    bool target = false;
    bool worker = false;
    bool json = false;

    std::chrono::milliseconds patience() const {
        return std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
    }
};

constexpr std::chrono::seconds kStartLimit{30};  // of a host's mf, by ssh
// Of the target that stands for another host where none was named.
constexpr const char* kOtherHost = "mf-bench-other-host";

void print_table(const ordered_json& peers) {
    for (const ordered_json& found : peers) {
        fmt::print("{} by {}\n", found.at("name").get<std::string>(), found.at("path").get<std::string>());
        std::vector<std::vector<std::string>> rows;
        for (const ordered_json& row : found.at("latencies")) {
            rows.push_back({"  " + row.at("operation").get<std::string>(),
                            "min " + time_text(row.at("min_us").get<double>()),
                            "median " + time_text(row.at("p50_us").get<double>()),
                            "p99 " + time_text(row.at("p99_us").get<double>())});
        }
        print_rows(rows);
        rows.clear();
        for (const ordered_json& row : found.at("bandwidths")) {
            rows.push_back({fmt::format("  {} {} x {} bytes", row.at("operation").get<std::string>(),
                                        row.at("outstanding").get<size_t>(), row.at("block").get<size_t>()),
                            fmt::format("{:.2f} GB/s", row.at("gigabytes_per_second").get<double>()),
                            "median of a call " + time_text(row.at("p50_us").get<double>())});
        }
        print_rows(rows);
        if (found.contains("verified")) {
            fmt::print("  {}\n", found.at("verified").get<bool>()
                                     ? "verified: every byte arrived"
                                     : "VERIFICATION FAILED: what came back differs");
        }
        if (const auto problem = found.at("problem").get<std::string>(); !problem.empty()) {
            fmt::print("  FAILED: {}\n", problem);
        }
    }
}

/// Returns the exit code: 0 where every peer was measured without a fault.
int report(const ordered_json& peers, bool as_json) {
    if (as_json) {
        fmt::print("{}\n", ordered_json{{"peers", peers}}.dump(2));
    } else {
        print_table(peers);
    }
    bool clean = !peers.empty();
    for (const ordered_json& found : peers) {
        clean = clean && found.at("problem").get<std::string>().empty() && found.value("verified", true);
    }
    return clean ? 0 : 1;
}

/// All that offer memory at the store; `hosts` gives them the user's names.
ordered_json measure_all(const Arguments& arguments, const std::string& url, const HostWorkers* hosts) {
    const Probe probe(url, 0, arguments.patience());
    FabricMeter meter(probe, arguments.shape, arguments.pool);
    ordered_json found = ordered_json::array();
    const ordered_json seen = probe.look();
    for (const ordered_json& peer : seen.at("peers")) {
        if (peer.at("offers").get<uint64_t>() == 0 || peer.at("same_host").get<bool>()) {
            continue;
        }
        const std::string named = hosts != nullptr ? hosts->host_of(peer.at("id").get<std::string>()) : "";
        ordered_json row = {{"name", named.empty() ? fmt::format("{} {}", peer.at("host").get<std::string>(),
                                                                 peer.at("pid").get<int64_t>())
                                                   : named}};
        row.update(meter.measure(peer));
        found.push_back(std::move(row));
    }
    return found;
}

int bench_hosts(const Arguments& arguments) {
    HostWorkers hosts(arguments.hosts,
                      {"bench", "fabric", "--worker", "--pool", std::to_string(arguments.pool)}, kStartLimit);
    ordered_json found = measure_all(arguments, hosts.url(), &hosts);
    for (const HostWorkers::Worker& worker : hosts.workers()) {
        const bool measured = std::any_of(found.begin(), found.end(), [&](const ordered_json& row) {
            return row.at("peer").at("id").get<std::string>() == worker.id;
        });
        if (!measured) {
            const std::string why = worker.problem.empty()
                                        ? "it has this host's identity: it is reached by shared memory"
                                        : worker.problem;
            found.push_back({{"name", worker.host},
                             {"path", "nothing"},
                             {"latencies", ordered_json::array()},
                             {"bandwidths", ordered_json::array()},
                             {"problem", why}});
        }
    }
    return report(found, arguments.json);
}

/// Over loopback, to a process that says it is another host.
int bench_here(const Arguments& arguments) {
    const BackgroundStore store("tcp://127.0.0.1:0");
    HelperProcess target({memfabric::measure::own_program(), "bench", "fabric", "--worker", "--pool",
                          std::to_string(arguments.pool), "--store", store.url()},
                         {{"MF_HOST_ID", kOtherHost}});
    if (!target.read_line(kStartLimit)) {
        throw std::runtime_error("the target process did not come up; what it said stands above");
    }
    if (!arguments.json) {
        fmt::print("over loopback, to another process of this host: name hosts to measure a network\n");
    }
    return report(measure_all(arguments, store.url(), nullptr), arguments.json);
}

int bench_store(const Arguments& arguments) {
    const ordered_json found = measure_all(arguments, arguments.store, nullptr);
    if (found.empty()) {
        fmt::print(stderr,
                   "mf bench fabric: error: no process of another host offers memory at {}: start "
                   "`mf bench fabric --target --store {}` on the other hosts\n",
                   arguments.store, arguments.store);
    }
    return report(found, arguments.json);
}

/// Until a signal comes; a worker until its input ends.
int serve(const Arguments& arguments) {
    const Descriptor signals = arguments.worker ? Descriptor() : take_over_signals();
    const Probe probe(arguments.store, arguments.pool, arguments.patience());
    if (arguments.worker) {
        say_ready(probe.look().at("own").at("id").get<std::string>());
    } else {
        fmt::print("offering {} MiB at {}; end with Ctrl-C\n", arguments.pool >> 20, arguments.store);
        std::fflush(stdout);  // who started us may wait for the line on a pipe
    }
    std::array<pollfd, 2> events{
        {{.fd = signals.get(), .events = POLLIN, .revents = 0},
         {.fd = arguments.worker ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
    while (::poll(events.data(), events.size(), -1) < 0 && errno == EINTR) {
    }
    return 0;
}

int bench(const Arguments& arguments) {
    if (arguments.target || arguments.worker) {
        if (arguments.store.empty()) {
            throw CLI::RequiredError("--store");
        }
        return serve(arguments);
    }
    if (arguments.hosts.any()) {
        return bench_hosts(arguments);
    }
    return arguments.store.empty() ? bench_here(arguments) : bench_store(arguments);
}

void add_shape(CLI::App& command, FabricShape& shape) {
    command.add_option("--block-sizes", shape.sizes, "Bytes of a block; several, separated by commas")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->delimiter(',')
        ->capture_default_str();
    command
        .add_option("--outstanding", shape.outstanding,
                    "Blocks of one call; default: up to 16, as many as make 32 MiB")
        ->check(CLI::Range(1, 1 << 16));
    command.add_option("--operation", shape.operation, "put, get or both")
        ->check(CLI::IsMember({"put", "get", "both"}))
        ->capture_default_str();
    command.add_option("--seconds", shape.seconds, "How long each bandwidth is measured")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    command.add_option("--count", shape.count, "Single operations of each latency")
        ->check(CLI::Range(1, 100000000))
        ->capture_default_str();
    command.add_flag("--verify", shape.verify, "Afterwards put a pattern, get it back, compare every byte");
}

}  // namespace

void register_bench_fabric(CLI::App& bench_command, Session& session) {
    CLI::App* command = bench_command.add_subcommand(
        "fabric", "Latency and bandwidth between this host and others: mf bench fabric HOST...");
    const auto arguments = std::make_shared<Arguments>();
    add_host_options(*command, arguments->hosts);
    CLI::Option* store = command->add_option(
        "--store", arguments->store, "Measure every target at this config store; with --target, be one");
    store->excludes(command->get_option("HOST"))->excludes(command->get_option("--hostfile"));
    command->add_flag("--target", arguments->target, "Offer memory until SIGINT or SIGTERM");
    add_shape(*command, arguments->shape);
    command->add_option("--pool", arguments->pool, "Bytes on both sides, walked over again and again")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--timeout", arguments->timeout, "Seconds of one call")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    command->add_flag("--json", arguments->json, "As JSON");
    command->add_flag("--worker", arguments->worker, "A target until standard input ends")->group("");
    command->callback([&session, arguments] { session.exit_code = bench(*arguments); });
}

}  // namespace mf
