// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "background_store.h"
#include "commands.h"
#include "host_list.h"
#include "job.h"
#include "launcher_task.h"
#include "open_files.h"
#include "remote_shell.h"
#include "signals.h"

namespace mf {
namespace {

constexpr uint32_t kMaxRanks = 1024;
// SHMEM's store lies this many ports above MASTER_PORT; so both names lead to the one store of the run.
constexpr int kMasterPortOffset = 11;

struct RunArguments {
    uint32_t ranks = 0;
    uint32_t first_rank = 0;
    uint32_t world_size = 0;  // 0: as many as are started here
    std::string store;
    double grace = 5;  // seconds
    bool no_prefix = false;
    bool controlled = false;
    std::string hosts;
    std::string host_file;
    std::string remote_shell = "ssh -o BatchMode=yes";
    std::string address;
    std::vector<std::string> environment;
    std::optional<LauncherTask> task;  // of another launcher: the ranks here are a part of one world

    /// Whether somebody says which part of which world the ranks here are.
    bool is_part() const { return controlled || first_rank != 0 || world_size != 0; }
    bool is_on_hosts() const { return !hosts.empty() || !host_file.empty(); }
};

struct HostAndPort {
    std::string host;
    int port = 0;
};

/// Of a URL that the library accepts, or will refuse in each rank with its reason.
HostAndPort host_and_port(const std::string& url) {
    const size_t begin = url.find("//");
    const size_t colon = url.rfind(':');
    if (begin == std::string::npos || colon < begin) {
        return {};
    }
    std::string host = url.substr(begin + 2, colon - begin - 2);
    if (host.size() > 2 && host.front() == '[') {
        host = host.substr(1, host.size() - 2);
    }
    return {host, std::atoi(url.c_str() + colon + 1)};
}

bool loopback_port_is_free(int port) {
    const Descriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return probe.is_open() &&
           ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// A store whose MASTER_PORT is free too, since torch.distributed in the ranks may listen there.
std::unique_ptr<BackgroundStore> start_store(const std::string& address) {
    constexpr int kTries = 16;
    std::unique_ptr<BackgroundStore> store;
    for (int i = 0; i < kTries; ++i) {
        store = std::make_unique<BackgroundStore>(fmt::format("tcp://{}:0", address));
        if (loopback_port_is_free(host_and_port(store->url()).port - kMasterPortOffset)) {
            break;
        }
    }
    return store;
}

RankProcess::Environment environment_of(const RunArguments& arguments, const std::string& url,
                                        uint32_t local_rank) {
    RankProcess::Environment variables{{"MF_RANK", std::to_string(arguments.first_rank + local_rank)},
                                       {"MF_WORLD_SIZE", std::to_string(arguments.world_size)},
                                       {"MF_LOCAL_RANK", std::to_string(local_rank)},
                                       {"MF_STORE_URL", url}};
    if (arguments.task && arguments.task->launcher == "torchrun") {
        variables.emplace_back("RANK", variables[0].second);
        variables.emplace_back("WORLD_SIZE", variables[1].second);
    }
    const HostAndPort store = host_and_port(url);
    // Where the launcher has said it, torch.distributed listens there.
    if (store.port > kMasterPortOffset && !(arguments.task && names_master())) {
        variables.emplace_back("MASTER_ADDR", store.host);
        variables.emplace_back("MASTER_PORT", std::to_string(store.port - kMasterPortOffset));
    }
    return variables;
}

/// Where the ranks of all hosts find the store of this run.
std::string store_address(const RunArguments& arguments, const std::vector<HostSlots>& hosts) {
    if (!arguments.address.empty()) {
        return arguments.address;
    }
    const auto other = std::find_if(hosts.begin(), hosts.end(),
                                    [](const HostSlots& slots) { return slots.host != "localhost"; });
    return other == hosts.end() ? "127.0.0.1" : address_towards(other->host);
}

/// Of the `mf run` that starts the ranks of one host, there.
std::vector<std::string> arguments_on_host(const RunArguments& arguments, const std::string& url,
                                           const std::vector<std::string>& program) {
    std::vector<std::string> words{"run",          "--controlled",
                                   "--ranks",      std::to_string(arguments.ranks),
                                   "--first-rank", std::to_string(arguments.first_rank),
                                   "--world-size", std::to_string(arguments.world_size),
                                   "--store",      url,
                                   "--grace",      fmt::format("{}", arguments.grace)};
    if (arguments.no_prefix) {
        words.emplace_back("--no-prefix");
    }
    words.emplace_back("--");
    words.insert(words.end(), program.begin(), program.end());
    return words;
}

void check_world_size(uint64_t ranks, std::string_view who) {
    if (ranks > kMaxRanks) {
        throw std::runtime_error(
            fmt::format("the {} take {} ranks, at most {} are possible", who, ranks, kMaxRanks));
    }
}

int run_on_hosts(RunArguments arguments, const std::vector<HostSlots>& all_hosts,
                 const std::vector<std::string>& program) {
    // The hosts end their ranks within the grace; what then has not come back has lost its connection.
    constexpr std::chrono::seconds kWayBack{2};
    const std::vector<HostSlots> hosts = take_ranks(all_hosts, arguments.ranks);
    arguments.world_size = 0;
    for (const HostSlots& slots : hosts) {
        arguments.world_size += slots.ranks;
    }
    check_world_size(arguments.world_size, "hosts");
    Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        throw std::runtime_error(
            fmt::format("cannot wait for signals: {}", std::generic_category().message(errno)));
    }
    const LaunchPlan plan{{}, true, raise_open_files()};
    const std::unique_ptr<BackgroundStore> store =
        arguments.store.empty() ? start_store(store_address(arguments, hosts)) : nullptr;
    const std::string url = store ? store->url() : arguments.store;
    const auto grace = std::chrono::milliseconds(static_cast<int64_t>(arguments.grace * 1000)) + kWayBack;
    Job job(plan, grace, std::move(signals));
    arguments.first_rank = 0;
    for (const HostSlots& slots : hosts) {
        arguments.ranks = slots.ranks;
        job.start_host(fmt::format("host {}", slots.host), arguments.first_rank,
                       command_on_host({arguments.remote_shell, slots.host, arguments.environment,
                                        arguments_on_host(arguments, url, program)}));
        arguments.first_rank += slots.ranks;
    }
    return job.run();
}

/// The hosts that the arguments name, or the allocation of a Slurm job; none: the ranks are started here.
std::optional<std::vector<HostSlots>> hosts_of(const RunArguments& arguments) {
    if (arguments.is_on_hosts()) {
        return arguments.hosts.empty() ? read_host_file(arguments.host_file)
                                       : parse_host_list(arguments.hosts);
    }
    return arguments.is_part() ? std::nullopt : slurm_allocation(arguments.ranks);
}

/// Each task of the launcher starts as many ranks, one where nobody says how many.
void take_part(RunArguments& arguments, const LauncherTask& task) {
    arguments.task = task;
    arguments.ranks = std::max(arguments.ranks, 1U);
    check_world_size(uint64_t{task.count} * arguments.ranks, "tasks");
    arguments.first_rank = task.number * arguments.ranks;
    arguments.world_size = task.count * arguments.ranks;
}

/// Null where somebody else serves the store; then `url` says where.
std::unique_ptr<BackgroundStore> store_of_run(const RunArguments& arguments, std::string& url) {
    url = arguments.store;
    bool is_served = !url.empty();
    if (!is_served && arguments.task) {
        const TaskStore store = store_of_tasks(*arguments.task);
        url = store.url;
        is_served = store.is_served || arguments.task->number != 0;
    }
    if (is_served) {
        return nullptr;
    }
    auto store = url.empty() ? start_store("127.0.0.1") : std::make_unique<BackgroundStore>(url);
    url = store->url();
    return store;
}

int run(RunArguments arguments, const std::vector<std::string>& program) {
    if (program.empty()) {
        throw CLI::RequiredError("PROGRAM");
    }
    if (const auto hosts = hosts_of(arguments)) {
        return run_on_hosts(std::move(arguments), *hosts, program);
    }
    if (const auto task = launcher_task(); task && !arguments.is_part()) {
        take_part(arguments, *task);
    }
    if (arguments.ranks == 0) {
        throw CLI::RequiredError("--ranks, --hosts or --hostfile");
    }
    arguments.world_size =
        arguments.world_size == 0 ? arguments.first_rank + arguments.ranks : arguments.world_size;
    if (arguments.first_rank + arguments.ranks > arguments.world_size) {
        throw CLI::ValidationError(
            "--world-size", fmt::format("{} is too small for ranks {} to {}", arguments.world_size,
                                        arguments.first_rank, arguments.first_rank + arguments.ranks - 1));
    }
    Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        throw std::runtime_error(
            fmt::format("cannot wait for signals: {}", std::generic_category().message(errno)));
    }
    const LaunchPlan plan{program, !arguments.no_prefix, raise_open_files(), !arguments.controlled};
    std::string url;
    const std::unique_ptr<BackgroundStore> store = store_of_run(arguments, url);
    Job job(plan, std::chrono::milliseconds(static_cast<int64_t>(arguments.grace * 1000)), std::move(signals),
            Descriptor(arguments.controlled ? ::dup(STDIN_FILENO) : -1));
    for (uint32_t i = 0; i < arguments.ranks; ++i) {
        job.start(arguments.first_rank + i, environment_of(arguments, url, i));
    }
    return job.run();
}

void add_host_options(CLI::App& command, RunArguments& arguments) {
    CLI::Option* hosts = command.add_option("--hosts", arguments.hosts,
                                            "Start the ranks on these hosts: h1:2,h2:2; localhost needs no "
                                            "ssh. In a Slurm allocation the default "
                                            "is its nodes");
    CLI::Option* file = command.add_option("--hostfile", arguments.host_file,
                                           "The same from a file, a host a line: \"h1:2\" or \"h1 slots=2\"");
    hosts->excludes(file);
    for (const char* name : {"--first-rank", "--world-size"}) {
        hosts->excludes(command.get_option(name));
        file->excludes(command.get_option(name));
    }
    command
        .add_option("--remote-shell", arguments.remote_shell,
                    "What reaches a host; the host and one command line follow")
        ->capture_default_str();
    command.add_option("--address", arguments.address,
                       "Address of this host for the store; default: the one on the way to the hosts");
    command
        .add_option("--env", arguments.environment,
                    "NAME or NAME=VALUE for the ranks on other hosts, beside MF_*, SMEM_*, SHMEM_*, "
                    "LD_LIBRARY_PATH and PYTHONPATH")
        ->take_all()
        ->expected(1);
    command
        .add_flag("--controlled", arguments.controlled,
                  "Signals come by standard input, whose end stops the ranks")
        ->group("");
}

}  // namespace

void register_run(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "run", "Start N ranks of a program with a config store: mf run -n 4 -- PROGRAM ARGS...");
    const auto arguments = std::make_shared<RunArguments>();
    command
        ->add_option(
            "-n,--ranks", arguments->ranks,
            "How many ranks to start: here, on the hosts, or for each task of Slurm, mpirun or torchrun")
        ->check(CLI::Range(1U, kMaxRanks));
    command->add_option(
        "--store", arguments->store,
        "URL of a store that runs already, instead of one of our own: on loopback, or, in the first "
        "task of another launcher, where MASTER_ADDR and MASTER_PORT say");
    command
        ->add_option("--first-rank", arguments->first_rank,
                     "Number of the first rank here, where other hosts start the others")
        ->check(CLI::Range(0U, kMaxRanks - 1));
    command
        ->add_option("--world-size", arguments->world_size,
                     "Ranks on all hosts together; default: those started here")
        ->check(CLI::Range(1U, kMaxRanks));
    command
        ->add_option("--grace", arguments->grace,
                     "Seconds between SIGTERM and SIGKILL for ranks that do not end")
        ->check(CLI::Range(0.0, 3600.0))
        ->capture_default_str();
    command->add_flag("--no-prefix", arguments->no_prefix,
                      "Let ranks write directly, without \"[rank] \" before each line");
    add_host_options(*command, *arguments);
    command->prefix_command();
    command->callback([&session, arguments, command] {
        std::vector<std::string> program = command->remaining();
        program.insert(program.end(), session.program.begin(), session.program.end());
        session.exit_code = run(*arguments, program);
    });
}

}  // namespace mf
