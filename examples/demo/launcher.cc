// SPDX-License-Identifier: Apache-2.0
#include "launcher.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "control.h"
#include "input.h"
#include "placement.h"
#include "sha256.h"
#include "smem.h"
#include "table.h"

extern char** environ;

namespace demo {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{5};  // for ranks that were told to end

/// SIGINT or SIGTERM came.
struct Interrupted {
    int signal;
};

/// Signals become readable here instead of ending the process; threads made later block them too.
class SignalWatch {
 public:
    SignalWatch() {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            sigaddset(&set, signal);
        }
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
        descriptor_ = ::signalfd(-1, &set, SFD_CLOEXEC);
        if (descriptor_ < 0) {
            throw std::system_error(errno, std::generic_category(), "signalfd");
        }
    }
    ~SignalWatch() { ::close(descriptor_); }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    int descriptor() const { return descriptor_; }
    /// Throws where a signal waits.
    void check() const {
        pollfd entry = {descriptor_, POLLIN, 0};
        if (::poll(&entry, 1, 0) > 0) {
            raise();
        }
    }
    [[noreturn]] void raise() const {
        signalfd_siginfo info = {};
        const bool known = ::read(descriptor_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info));
        throw Interrupted{known ? static_cast<int>(info.ssi_signo) : SIGTERM};
    }

 private:
    int descriptor_;
};

/// A private folder for the sockets of the ranks, gone at the end whatever became of them.
class RuntimeFolder {
 public:
    RuntimeFolder() {
        std::string name = (fs::temp_directory_path() / "pool_demo.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(), "cannot make the folder " + name);
        }
        path_ = name;
        ::setenv("MF_RUNTIME_DIR", name.c_str(), 1);
    }
    ~RuntimeFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    RuntimeFolder(const RuntimeFolder&) = delete;
    RuntimeFolder& operator=(const RuntimeFolder&) = delete;

 private:
    fs::path path_;
};

/// The config store of this process, on the first free port that is found.
class Store {
 public:
    Store() {
        std::uniform_int_distribution<int> ports(20000, 29999);
        std::random_device random;
        int32_t result = SM_RESOURCE_IN_USE;
        for (int attempt = 0; attempt < 100 && result == SM_RESOURCE_IN_USE; ++attempt) {
            url_ = "tcp://127.0.0.1:" + std::to_string(ports(random));
            result = smem_create_config_store(url_.c_str());
        }
        if (result != SM_OK) {
            throw std::runtime_error("starting the config store at " + url_ + ": " + smem_get_last_err_msg());
        }
    }
    ~Store() { smem_uninit(); }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    const std::string& url() const { return url_; }

 private:
    std::string url_;
};

/// The rank processes; none outlives this object.
class Ranks {
 public:
    Ranks(const Input& input, uint32_t count, const std::string& url) {
        for (uint32_t rank = 0; rank < count; ++rank) {
            ChannelPair pair = make_channel();
            pids_.push_back(spawn({"pool_demo", "--rank", std::to_string(rank), std::to_string(count), url,
                                   input.path.string(), std::to_string(input.total)},
                                  pair.rank.descriptor()));
            channels_.push_back(std::move(pair.launcher));
        }
    }
    ~Ranks() { end(); }
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;

    const std::vector<Channel>& channels() const { return channels_; }

    /// Lets them leave the pool and waits; who takes too long is killed. Whether all ended well.
    bool end() {
        channels_.clear();  // they see the hang-up, between two copies at the latest
        bool well = true;
        const auto deadline = std::chrono::steady_clock::now() + kPatience;
        for (const pid_t pid : std::exchange(pids_, {})) {
            well = reap(pid, deadline) && well;
        }
        return well;
    }

 private:
    static pid_t spawn(std::vector<std::string> arguments, int control) {
        std::vector<char*> pointers;
        for (std::string& argument : arguments) {
            pointers.push_back(argument.data());
        }
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, control, kControlDescriptor);
        pid_t pid = -1;
        // The signal mask is inherited: Ctrl-C reaches the launcher alone, which then ends the ranks in good
        // order.
        const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, pointers.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0) {
            throw std::system_error(error, std::generic_category(), "cannot start a rank");
        }
        return pid;
    }

    static bool reap(pid_t pid, std::chrono::steady_clock::time_point deadline) {
        int status = 0;
        while (::waitpid(pid, &status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() >= deadline) {
                ::kill(pid, SIGKILL);
                ::waitpid(pid, &status, 0);
                break;
            }
            ::poll(nullptr, 0, 2);
        }
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    std::vector<pid_t> pids_;
    std::vector<Channel> channels_;
};

/// Takes messages of the ranks in `from` until each of them has said `last`.
std::vector<Message> collect(const Ranks& ranks, const std::vector<size_t>& from, Kind last,
                             const SignalWatch& signals, ProgressBar& bar) {
    std::vector<Message> results(ranks.channels().size());
    std::vector<size_t> open = from;
    while (!open.empty()) {
        std::vector<pollfd> entries = {{signals.descriptor(), POLLIN, 0}};
        for (const size_t rank : open) {
            entries.push_back({ranks.channels()[rank].descriptor(), POLLIN, 0});
        }
        ::poll(entries.data(), entries.size(), -1);
        if (entries[0].revents != 0) {
            signals.raise();
        }
        std::vector<size_t> still_open;
        for (size_t i = 0; i < open.size(); ++i) {
            const size_t rank = open[i];
            if (entries[i + 1].revents == 0) {
                still_open.push_back(rank);
                continue;
            }
            const std::optional<Message> message = ranks.channels()[rank].receive();
            if (!message.has_value()) {
                throw std::runtime_error("rank " + std::to_string(rank) + " ended too early");
            }
            if (message->kind == Kind::kFailed) {
                throw std::runtime_error("rank " + std::to_string(rank) + ": " + message->text.data());
            }
            if (message->kind == last) {
                results[rank] = *message;
            } else {
                bar.advance(message->bytes);
                still_open.push_back(rank);
            }
        }
        open = still_open;
    }
    return results;
}

/// Bytes that a process may still take: of the machine, and of the control group that it is in.
uint64_t available_memory() {
    uint64_t available = std::numeric_limits<uint64_t>::max();
    std::ifstream meminfo("/proc/meminfo");
    std::string name;
    for (uint64_t kibibytes = 0; meminfo >> name;) {
        if (name == "MemAvailable:" && meminfo >> kibibytes) {
            available = kibibytes * 1024;
            break;
        }
    }
    uint64_t limit = 0;
    uint64_t used = 0;
    std::ifstream limit_file("/sys/fs/cgroup/memory.max");
    std::ifstream used_file("/sys/fs/cgroup/memory.current");
    if (limit_file >> limit && used_file >> used) {
        available = std::min(available, limit - std::min(limit, used));
    }
    return available;
}

void require_memory(const Input& input, const Placement& placement) {
    const uint64_t available = available_memory();
    if (placement.memory_needed() > available) {
        throw std::runtime_error("input " + input.path.string() + ": the demo needs " +
                                 std::to_string(placement.memory_needed() >> 20) + " MiB of memory for its " +
                                 std::to_string(input.total >> 20) + " MiB, and " +
                                 std::to_string(available >> 20) +
                                 " MiB are available; name a smaller file or folder");
    }
}

Digest hash_input(const Input& input, const SignalWatch& signals) {
    InputReader reader(input);
    Sha256 sha;
    std::vector<std::byte> buffer(size_t{1} << 20);
    for (uint64_t left = input.total; left > 0;) {
        const std::span<std::byte> part = std::span(buffer).first(std::min<uint64_t>(left, buffer.size()));
        signals.check();
        reader.read(part);
        sha.update(part);
        left -= part.size();
    }
    return sha.digest();
}

std::vector<Row> rows_of(const Message& scattered, const std::vector<Message>& gathered) {
    std::vector<Row> rows = {
        {"rank 0 -> pool", scattered.bytes, scattered.pool_seconds, scattered.plain_seconds}};
    for (size_t rank = 0; rank < gathered.size(); ++rank) {
        const Message& message = gathered[rank];
        rows.push_back({"pool -> rank " + std::to_string(rank), message.bytes, message.pool_seconds,
                        message.plain_seconds});
    }
    return rows;
}

bool compare(const Digest& expected, const std::vector<Message>& gathered) {
    std::printf("SHA-256 of the input: %s\n", to_hex(expected).c_str());
    bool equal = true;
    for (size_t rank = 0; rank < gathered.size(); ++rank) {
        const bool same = gathered[rank].digest == expected;
        std::printf("SHA-256 at rank %zu:    %s %s\n", rank, to_hex(gathered[rank].digest).c_str(),
                    same ? "equal" : "DIFFERENT");
        equal = equal && same;
    }
    return equal;
}

int run(const fs::path& path, uint32_t count) {
    const Input input = scan_input(path);
    const Placement placement{input.total, count};
    require_memory(input, placement);
    const SignalWatch signals;
    std::printf("input: %s, %zu file(s), %llu bytes; pool: %u processes with %llu MiB each\n", path.c_str(),
                input.entries.size(), static_cast<unsigned long long>(input.total), count,
                static_cast<unsigned long long>(placement.region_size() >> 20));
    std::fflush(stdout);

    const RuntimeFolder folder;
    const Store store;
    Ranks ranks(input, count, store.url());
    std::vector<size_t> all;
    for (size_t rank = 0; rank < count; ++rank) {
        all.push_back(rank);
    }
    Message scattered;
    std::vector<Message> gathered;
    {
        ProgressBar bar(input.total * (1 + count));
        collect(ranks, all, Kind::kReady, signals, bar);
        bar.label("scatter");
        ranks.channels()[0].send(Kind::kScatter);
        scattered = collect(ranks, {0}, Kind::kDone, signals, bar)[0];
        bar.label("gather");
        for (const Channel& channel : ranks.channels()) {
            channel.send(Kind::kGather);
        }
        gathered = collect(ranks, all, Kind::kDone, signals, bar);
    }
    for (const Channel& channel : ranks.channels()) {
        channel.send(Kind::kLeave);
    }
    if (!ranks.end()) {
        throw std::runtime_error("a rank did not end well");
    }
    const bool equal = compare(hash_input(input, signals), gathered);
    print_table(rows_of(scattered, gathered));
    return equal ? 0 : 1;
}

}  // namespace

int run_launcher(const fs::path& path, uint32_t ranks) {
    try {
        return run(path, ranks);
    } catch (const Interrupted& interrupted) {
        std::fprintf(stderr, "pool_demo: interrupted\n");
        return 128 + interrupted.signal;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pool_demo: %s\n", error.what());
        return 1;
    }
}

}  // namespace demo
