// SPDX-License-Identifier: Apache-2.0
#include "trans_target.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "background_store.h"
#include "library.h"
#include "measure/bm_pair.h"
#include "measure/buffer.h"
#include "signals.h"
#include "smem.h"

extern char** environ;

namespace mf {
namespace {

constexpr uint32_t kStoreTimeout = 5;  // seconds

[[noreturn]] void fail_with_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A bound socket whose port nobody else gets, and its port.
std::pair<Descriptor, uint16_t> hold_port() {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (!socket.is_open() || ::bind(socket.get(), generic, length) != 0 ||
        ::getsockname(socket.get(), generic, &length) != 0) {
        fail_with_errno("looking for a free port on 127.0.0.1");
    }
    return {std::move(socket), ntohs(address.sin_port)};
}

/// Memory that is offered: the library's own, else private.
class OfferedMemory {
 public:
    OfferedMemory(const TransSession& session, const TargetSettings& settings) {
        if (settings.library_memory) {
            address_ = smem_trans_malloc(session.handle(), settings.size, 0);
            if (address_ == nullptr) {
                throw std::runtime_error(std::string("smem_trans_malloc: ") + smem_get_last_err_msg());
            }
            std::memset(address_, 1, settings.size);
        } else {
            buffer_ = std::make_unique<memfabric::measure::Buffer>(settings.size);
            address_ = buffer_->data();
        }
        check_call(smem_trans_register_mem(session.handle(), address_, settings.size, 0),
                   "smem_trans_register_mem");
    }

    uint64_t address() const { return reinterpret_cast<uintptr_t>(address_); }

 private:
    std::unique_ptr<memfabric::measure::Buffer> buffer_;
    void* address_ = nullptr;
};

/// Until a signal comes, or, where a parent holds the other end, standard input ends.
void wait_for_end(const Descriptor& signals, bool until_input_ends) {
    std::array<pollfd, 2> events{
        {{.fd = signals.get(), .events = POLLIN, .revents = 0},
         {.fd = until_input_ends ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
    while (::poll(events.data(), events.size(), -1) < 0 && errno == EINTR) {
    }
}

std::string read_line(const Descriptor& input) {
    std::string line;
    char byte = 0;
    while (::read(input.get(), &byte, 1) == 1 && byte != '\n') {
        line += byte;
    }
    return line;
}

}  // namespace

void check_call(int32_t code, const char* call) {
    if (code != 0) {
        throw std::runtime_error(fmt::format("{}: {} (code {})", call, smem_get_last_err_msg(), code));
    }
}

TransSession::TransSession(const std::string& store_url) {
    auto [socket, port] = hold_port();
    port_ = std::move(socket);
    name_ = fmt::format("127.0.0.1:{}", port);
    smem_trans_config_t config;
    check_call(smem_trans_config_init(&config), "smem_trans_config_init");
    config.initTimeout = kStoreTimeout;
    handle_ = smem_trans_create(store_url.c_str(), name_.c_str(), &config);
    if (handle_ == nullptr) {
        throw std::runtime_error(std::string("smem_trans_create: ") + smem_get_last_err_msg());
    }
}

TransSession::~TransSession() {
    smem_trans_destroy(handle_, 0);
}

std::string to_options(const TransTarget& target) {
    return fmt::format("--store {} --peer {} --address {:#x} --pool {}", target.store, target.session,
                       target.address, target.size);
}

TransTarget from_options(const std::string& text) {
    constexpr const char* kFirst = "--store ";
    std::array<char, 256> store{};
    std::array<char, 256> session{};
    TransTarget target;
    const size_t begin = text.rfind(kFirst);
    if (begin == std::string::npos ||
        std::sscanf(text.c_str() + begin, "--store %255s --peer %255s --address %lx --pool %zu", store.data(),
                    session.data(), &target.address, &target.size) != 4) {
        throw std::runtime_error("the target process did not come up; what it said stands above");
    }
    target.store = store.data();
    target.session = session.data();
    return target;
}

int serve_target(const TargetSettings& settings) {
    const Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        fail_with_errno("waiting for signals");
    }
    std::unique_ptr<BackgroundStore> store;
    if (settings.store.empty()) {
        store = std::make_unique<BackgroundStore>("tcp://127.0.0.1:0");
    }
    const std::string url = store ? store->url() : settings.store;
    const TransSession session(url);
    const OfferedMemory memory(session, settings);
    if (!settings.until_input_ends) {
        fmt::print(stderr,
                   "mf bench trans: session {} offers {} MiB; run this on the same host, end with Ctrl-C:\n",
                   session.name(), settings.size >> 20);
    }
    fmt::print("{} bench trans {}\n", shell_word(memfabric::measure::own_program()),
               to_options({url, session.name(), memory.address(), settings.size}));
    std::fflush(stdout);  // who started us may wait for the line on a pipe
    wait_for_end(signals, settings.until_input_ends);
    return 0;
}

TargetProcess::TargetProcess(const TargetSettings& settings) {
    try {
        start(settings);
    } catch (...) {
        stop();
        throw;
    }
}

TargetProcess::~TargetProcess() {
    stop();
}

void TargetProcess::start(const TargetSettings& settings) {
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (::pipe2(input.data(), O_CLOEXEC) != 0) {
        fail_with_errno("pipe2");
    }
    const Descriptor child_input(input[0]);
    to_child_ = Descriptor(input[1]);
    if (::pipe2(output.data(), O_CLOEXEC) != 0) {
        fail_with_errno("pipe2");
    }
    const Descriptor from_child(output[0]);
    Descriptor child_output(output[1]);
    std::vector<std::string> words = {memfabric::measure::own_program(),
                                      "bench",
                                      "trans",
                                      "--target",
                                      "--until-input-ends",
                                      "--pool",
                                      std::to_string(settings.size),
                                      "--memory",
                                      settings.library_memory ? "library" : "private"};
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_input.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_output.get(), STDOUT_FILENO);
    const int error = ::posix_spawn(&child_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        child_ = -1;
        throw std::system_error(error, std::generic_category(), "starting " + words[0]);
    }
    child_output.reset();  // so that its death ends the reading
    target_ = from_options(read_line(from_child));
}

void TargetProcess::stop() {
    to_child_.reset();
    if (child_ >= 0) {
        while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
        }
        child_ = -1;
    }
}

}  // namespace mf
