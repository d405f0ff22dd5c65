// SPDX-License-Identifier: Apache-2.0
#include "measure/bm_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

extern char** environ;

namespace memfabric::measure {
namespace {

constexpr uint32_t kObjectId = 0;
constexpr uint32_t kRanks = 2;
constexpr int kPeerStartMilliseconds = 60000;
constexpr std::chrono::seconds kPeerStop{10};

[[noreturn]] void fail_with_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A port that was free a moment ago. Somebody else may take it before the store does; the store then says
/// so.
uint16_t free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (descriptor < 0 || bind(descriptor, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        fail_with_errno("looking for a free port on 127.0.0.1");
    }
    close(descriptor);
    return ntohs(address.sin_port);
}

smem_bm_t init_and_create(const std::string& url, uint16_t rank, uint64_t region_size) {
    smem_bm_config_t config;
    BmPair::check(smem_bm_config_init(&config), "smem_bm_config_init");
    config.rankId = rank;
    BmPair::check(smem_bm_init(url.c_str(), kRanks, 0, &config), "smem_bm_init");
    const smem_bm_t handle = smem_bm_create(kObjectId, kRanks, SMEMB_DATA_OP_SDMA, region_size, 0, 0);
    if (handle == nullptr) {
        throw std::runtime_error(std::string("smem_bm_create: ") + smem_get_last_err_msg());
    }
    BmPair::check(smem_bm_join(handle, 0, nullptr), "smem_bm_join");
    return handle;
}

}  // namespace

BmPair::BmPair(uint64_t region_size, std::vector<std::string> peer_command) : region_size_(region_size) {
    const std::string url = "tcp://127.0.0.1:" + std::to_string(free_port());
    peer_command.push_back(url);
    peer_command.push_back(std::to_string(region_size));
    try {
        start_peer(peer_command);
        join(url);
        await_peer();
    } catch (...) {
        stop_peer();
        smem_bm_uninit(0);
        throw;
    }
}

BmPair::~BmPair() {
    stop_peer();
    smem_bm_destroy(handle_);
    smem_bm_uninit(0);
}

void BmPair::start_peer(const std::vector<std::string>& command) {
    std::array<int, 2> to_peer{};
    std::array<int, 2> from_peer{};
    if (pipe2(to_peer.data(), O_CLOEXEC) != 0 || pipe2(from_peer.data(), O_CLOEXEC) != 0) {
        fail_with_errno("pipe2");
    }
    to_peer_ = to_peer[1];
    from_peer_ = from_peer[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_peer[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from_peer[1], STDOUT_FILENO);
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& argument : command) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    const int error = posix_spawn(&peer_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to_peer[0]);
    close(from_peer[1]);
    if (error != 0) {
        peer_ = -1;
        throw std::system_error(error, std::generic_category(), "starting " + command[0]);
    }
}

void BmPair::join(const std::string& url) {
    handle_ = init_and_create(url, 0, region_size_);
    std::memset(own_region(), 1, region_size_);
}

void BmPair::await_peer() {
    pollfd ready{.fd = from_peer_, .events = POLLIN, .revents = 0};
    char byte = 0;
    if (poll(&ready, 1, kPeerStartMilliseconds) <= 0 || read(from_peer_, &byte, 1) != 1) {
        throw std::runtime_error("the peer process did not join; what it said stands above");
    }
    // That the peer has joined reaches this process a moment later.
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPeerStartMilliseconds);
    std::byte probe{};
    smem_copy_params parameters{peer_region(), &probe, 1};
    while (smem_bm_copy(handle_, &parameters, SMEMB_COPY_G2H, 0) != 0) {
        if (std::chrono::steady_clock::now() > end) {
            throw std::runtime_error(std::string("reading the peer's memory: ") + smem_get_last_err_msg());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::memset(peer_region(), 2, region_size_);
}

void BmPair::stop_peer() {
    for (int* descriptor : {&to_peer_, &from_peer_}) {
        if (*descriptor >= 0) {
            close(*descriptor);
            *descriptor = -1;
        }
    }
    if (peer_ < 0) {
        return;
    }
    const auto end = std::chrono::steady_clock::now() + kPeerStop;
    while (waitpid(peer_, nullptr, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) {
            kill(peer_, SIGKILL);
            waitpid(peer_, nullptr, 0);
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    peer_ = -1;
}

void BmPair::fail(int32_t code, const char* call) {
    throw std::runtime_error(std::string(call) + ": " + smem_get_last_err_msg() + " (code " +
                             std::to_string(code) + ")");
}

int run_bm_peer(const std::string& url, uint64_t region_size) {
    try {
        const smem_bm_t handle = init_and_create(url, 1, region_size);
        std::memset(smem_bm_ptr(handle, 1), 3, region_size);
        char byte = 'r';
        if (write(STDOUT_FILENO, &byte, 1) == 1) {
            while (read(STDIN_FILENO, &byte, 1) > 0) {
            }
        }
        smem_bm_destroy(handle);
        smem_bm_uninit(0);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "peer: %s\n", error.what());
        return 1;
    }
}

std::string own_program() {
    std::array<char, 4096> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    if (length < 0) {
        fail_with_errno("reading /proc/self/exe");
    }
    return {path.data(), static_cast<size_t>(length)};
}

}  // namespace memfabric::measure
