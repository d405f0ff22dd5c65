// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "background_store.h"
#include "commands.h"
#include "job.h"
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
std::unique_ptr<BackgroundStore> start_store() {
    constexpr int kTries = 16;
    std::unique_ptr<BackgroundStore> store;
    for (int i = 0; i < kTries; ++i) {
        store = std::make_unique<BackgroundStore>("tcp://127.0.0.1:0");
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
    const HostAndPort store = host_and_port(url);
    if (store.port > kMasterPortOffset) {
        variables.emplace_back("MASTER_ADDR", store.host);
        variables.emplace_back("MASTER_PORT", std::to_string(store.port - kMasterPortOffset));
    }
    return variables;
}

/// A rank costs mf three descriptors.
rlimit raise_open_files() {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit raised = before;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
    return before;
}

int run(RunArguments arguments, const std::vector<std::string>& program) {
    if (program.empty()) {
        throw CLI::RequiredError("PROGRAM");
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
        throw std::runtime_error(fmt::format("cannot wait for signals: {}", std::strerror(errno)));
    }
    const LaunchPlan plan{program, !arguments.no_prefix, raise_open_files()};
    const std::unique_ptr<BackgroundStore> store = arguments.store.empty() ? start_store() : nullptr;
    const std::string url = store ? store->url() : arguments.store;
    Job job(plan, std::chrono::milliseconds(static_cast<int64_t>(arguments.grace * 1000)),
            std::move(signals));
    for (uint32_t i = 0; i < arguments.ranks; ++i) {
        job.start(arguments.first_rank + i, environment_of(arguments, url, i));
    }
    return job.run();
}

}  // namespace

void register_run(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "run", "Start N ranks of a program with a config store: mf run -n 4 -- PROGRAM ARGS...");
    const auto arguments = std::make_shared<RunArguments>();
    command->add_option("-n,--ranks", arguments->ranks, "How many ranks to start here")
        ->required()
        ->check(CLI::Range(1U, kMaxRanks));
    command->add_option("--store", arguments->store,
                        "URL of a store that runs already, instead of one of our own on loopback");
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
    command->prefix_command();
    command->callback([&session, arguments, command] {
        std::vector<std::string> program = command->remaining();
        program.insert(program.end(), session.program.begin(), session.program.end());
        session.exit_code = run(*arguments, program);
    });
}

}  // namespace mf
