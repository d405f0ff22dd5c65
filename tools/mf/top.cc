// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "capi/private_api.h"
#include "commands.h"
#include "library.h"
#include "signals.h"

namespace mf {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct TopArguments {
    double interval = 2;  // seconds
    int count = 0;        // tables; 0: until a signal
    bool once = false;
    bool as_json = false;
    std::vector<int64_t> pids;
};

/// One line of the table.
struct Row {
    int64_t pid = 0;
    std::string program;
    std::string operation;
    std::string path;
    std::string peer;
    uint64_t operations = 0;
    uint64_t bytes = 0;
    auto key() const { return std::tie(pid, operation, path, peer); }
};

struct Latency {
    double p50_us = 0;
    double p99_us = 0;
};

struct ErrorRow {
    int64_t pid = 0;
    std::string where;
    int32_t code = 0;
    uint64_t count = 0;
};

struct Look {
    Clock::time_point when;
    size_t processes = 0;
    std::vector<Row> rows;
    std::map<std::tuple<int64_t, std::string, std::string>, Latency> latencies;  // pid, operation, path
    std::vector<ErrorRow> errors;
};

json processes(const TopArguments& arguments) {
    const LibraryText text(mf_private_processes_json());
    if (!text.ok) {
        throw std::runtime_error("the processes of this host cannot be looked at");
    }
    json tree = json::parse(text.text);
    if (!arguments.pids.empty()) {
        json& all = tree.at("processes");
        const auto is_unwanted = [&](const json& process) {
            return std::ranges::find(arguments.pids, process.at("pid").get<int64_t>()) ==
                   arguments.pids.end();
        };
        all.erase(std::remove_if(all.begin(), all.end(), is_unwanted), all.end());
    }
    return tree;
}

/// Names are chosen by programs: nothing in them is to move the cursor.
std::string printable(const json& text) {
    std::string shown = text.get<std::string>();
    std::ranges::replace_if(
        shown, [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }, '?');
    return shown;
}

void add_process(const json& process, Look& look) {
    const auto pid = process.at("pid").get<int64_t>();
    for (const json& count : process.at("counters")) {
        look.rows.push_back({pid, printable(process.at("program")), count.at("operation"), count.at("path"),
                             printable(count.at("peer")), count.at("operations"), count.at("bytes")});
    }
    for (const json& time : process.at("latencies")) {
        look.latencies[{pid, time.at("operation"), time.at("path")}] = {time.at("p50_us"), time.at("p99_us")};
    }
    for (const json& error : process.at("errors")) {
        look.errors.push_back({pid, printable(error.at("where")), error.at("code"), error.at("count")});
    }
}

Look look_at(const TopArguments& arguments) {
    Look look;
    look.when = Clock::now();
    const json tree = processes(arguments);
    for (const json& process : tree.at("processes")) {
        ++look.processes;
        add_process(process, look);
    }
    return look;
}

/// What happened since `before`, the busiest first.
std::vector<Row> changes(const Look& before, const Look& now) {
    std::vector<Row> rows;
    for (Row row : now.rows) {
        const auto known =
            std::ranges::find(before.rows, row.key(), [](const Row& old) { return old.key(); });
        if (known != before.rows.end() && known->operations <= row.operations) {
            row.operations -= known->operations;
            row.bytes -= std::min(known->bytes, row.bytes);
        }
        if (row.operations != 0) {
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::string time_text(double microseconds) {
    if (microseconds < 1000) {
        return fmt::format("{:.1f}us", microseconds);
    }
    return microseconds < 1e6 ? fmt::format("{:.1f}ms", microseconds / 1e3)
                              : fmt::format("{:.1f}s", microseconds / 1e6);
}

/// Lines that fit, where somebody looks at a terminal.
size_t room_for_rows() {
    constexpr size_t kOtherLines = 6;
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_row <= kOtherLines) {
        return SIZE_MAX;
    }
    return size.ws_row - kOtherLines;
}

/// `seconds` 0: the rows are totals.
void print_table(std::vector<Row> rows, const Look& look, double seconds) {
    constexpr double kMega = 1e6;
    const double divisor = seconds > 0 ? seconds : 1;
    std::ranges::stable_sort(rows, std::greater(),
                             [](const Row& row) { return std::pair(row.bytes, row.operations); });
    fmt::print("{} processes; {}\n", look.processes, seconds > 0 ? "per second" : "since they started");
    fmt::print("{:>8} {:15} {:14} {:8} {:>12} {:>12} {:>9} {:>9}  {}\n", "PID", "PROGRAM", "OPERATION",
               "PATH", seconds > 0 ? "OPS/S" : "OPS", seconds > 0 ? "MB/S" : "MB", "P50", "P99", "PEER");
    const size_t room = room_for_rows();
    for (size_t i = 0; i < std::min(rows.size(), room); ++i) {
        const Row& row = rows[i];
        const auto time = look.latencies.find({row.pid, row.operation, row.path});
        const bool known = time != look.latencies.end();
        fmt::print("{:>8} {:15.15} {:14} {:8} {:>12.0f} {:>12.3f} {:>9} {:>9}  {}\n", row.pid, row.program,
                   row.operation, row.path, static_cast<double>(row.operations) / divisor,
                   static_cast<double>(row.bytes) / kMega / divisor,
                   known ? time_text(time->second.p50_us) : "-", known ? time_text(time->second.p99_us) : "-",
                   row.peer);
    }
    if (rows.size() > room) {
        fmt::print("... and {} more rows\n", rows.size() - room);
    }
    for (const ErrorRow& error : look.errors) {
        fmt::print("{:>8} errors: {} failed {} times with {}\n", error.pid, error.where, error.count,
                   error.code);
    }
    std::fflush(stdout);
}

/// Whether the time passed; false: a signal came.
bool wait_for(double seconds, int signals) {
    pollfd waiting{signals, POLLIN, 0};
    const auto milliseconds = static_cast<int>(seconds * 1000);
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, milliseconds);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
}

int show_live(const TopArguments& arguments) {
    const Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
    }
    Look before = look_at(arguments);
    for (int shown = 0; arguments.count == 0 || shown < arguments.count; ++shown) {
        if (!wait_for(arguments.interval, signals.get())) {
            return 0;
        }
        Look now = look_at(arguments);
        if (::isatty(STDOUT_FILENO) != 0) {
            fmt::print("\033[H\033[2J");  // from the top of an empty screen
        }
        print_table(changes(before, now), now, std::chrono::duration<double>(now.when - before.when).count());
        before = std::move(now);
    }
    return 0;
}

int show(const TopArguments& arguments) {
    if (arguments.as_json) {
        fmt::print("{}\n", processes(arguments).dump(2));
        return 0;
    }
    if (arguments.once) {
        const Look look = look_at(arguments);
        print_table(look.rows, look, 0);
        return 0;
    }
    return show_live(arguments);
}

}  // namespace

void register_top(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "top", "What this user's processes on this host do: a live table of their counters");
    const auto arguments = std::make_shared<TopArguments>();
    command->add_option("--interval", arguments->interval, "Seconds between two tables")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command->add_option("--count", arguments->count, "Tables to print; 0: until SIGINT")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    CLI::Option* once =
        command->add_flag("--once", arguments->once, "The totals since the processes started, once");
    command->add_flag("--json", arguments->as_json, "The totals as JSON, with histograms")->excludes(once);
    command->add_option("--pid", arguments->pids, "Of these processes alone")->delimiter(',');
    command->callback([&session, arguments] { session.exit_code = show(*arguments); });
}

}  // namespace mf
