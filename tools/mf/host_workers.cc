// SPDX-License-Identifier: Apache-2.0
#include "host_workers.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "host_list.h"
#include "remote_shell.h"

namespace mf {
namespace {

constexpr const char* kReady = "ready ";

std::vector<std::string> names_of(const HostChoice& choice) {
    std::string list;
    for (const std::string& host : choice.hosts) {
        list += (list.empty() ? "" : ",") + host;
    }
    std::vector<std::string> names;
    for (const HostSlots& slots :
         choice.host_file.empty() ? parse_host_list(list) : read_host_file(choice.host_file)) {
        names.push_back(slots.host);
    }
    return names;
}

std::string store_address(const HostChoice& choice, const std::vector<std::string>& names) {
    if (!choice.address.empty()) {
        return choice.address;
    }
    const auto other = std::ranges::find_if(names, [](const auto& name) { return name != "localhost"; });
    return other == names.end() ? "127.0.0.1" : address_towards(*other);
}

}  // namespace

void add_host_options(CLI::App& command, HostChoice& choice) {
    CLI::Option* hosts =
        command.add_option("HOST", choice.hosts, "Hosts to reach by ssh; localhost is this one, without ssh");
    CLI::Option* file =
        command.add_option("--hostfile", choice.host_file, "The same from a file, a host a line");
    hosts->excludes(file);
    command
        .add_option("--remote-shell", choice.remote_shell,
                    "What reaches a host; the host and one command line follow")
        ->capture_default_str();
    command.add_option("--address", choice.address,
                       "Address of this host for the config store; default: the one on the way to the hosts");
    command
        .add_option("--env", choice.environment,
                    "NAME or NAME=VALUE for the hosts, beside MF_*, SMEM_*, LD_LIBRARY_PATH")
        ->take_all()
        ->expected(1);
}

HostWorkers::HostWorkers(const HostChoice& choice, const std::vector<std::string>& arguments,
                         std::chrono::milliseconds patience) {
    const std::vector<std::string> names = names_of(choice);
    store_ = std::make_unique<BackgroundStore>(fmt::format("tcp://{}:0", store_address(choice, names)));
    std::vector<std::string> words = arguments;
    words.insert(words.end(), {"--store", url()});
    for (const std::string& name : names) {
        Worker worker{name, "", nullptr, ""};
        try {
            worker.process = std::make_unique<HelperProcess>(
                command_on_host({choice.remote_shell, name, choice.environment, words}));
        } catch (const std::exception& error) {
            worker.problem = error.what();
        }
        workers_.push_back(std::move(worker));
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    for (Worker& worker : workers_) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        const auto line = worker.process
                              ? worker.process->read_line(std::max(left, std::chrono::milliseconds(1)))
                              : std::nullopt;
        if (line && line->starts_with(kReady)) {
            worker.id = line->substr(std::string(kReady).size());
        } else if (worker.process) {
            worker.process.reset();
            worker.problem = "mf did not come up there; what it or the remote shell said stands above";
        }
    }
}

std::string HostWorkers::host_of(const std::string& id) const {
    const auto found = std::ranges::find(workers_, id, &Worker::id);
    return found != workers_.end() && !id.empty() ? found->host : "";
}

void say_ready(const std::string& id) {
    fmt::print("{}{}\n", kReady, id);
    std::fflush(stdout);  // who started us waits for the line on a pipe
}

}  // namespace mf
