// SPDX-License-Identifier: Apache-2.0
#include "trans/target.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "smem_trans.h"

namespace memfabric::bench {
namespace {

/// Longer than any start-up; a bench that is killed must not leave its target behind.
constexpr unsigned kLongestLife = 600;  // seconds

void require(bool good, const char* what) {
    if (!good) {
        std::fprintf(stderr, "bench_trans: target: %s: %s\n", what, smem_get_last_err_msg());
        std::_Exit(1);
    }
}

smem_trans_t open_session(const std::string& url, const char* session) {
    smem_trans_config_t config;
    require(smem_trans_config_init(&config) == 0, "smem_trans_config_init");
    const smem_trans_t handle = smem_trans_create(url.c_str(), session, &config);
    require(handle != nullptr, "smem_trans_create");
    return handle;
}

[[noreturn]] void serve(const std::string& url, size_t size, int commands, int answers) {
    ::alarm(kLongestLife);
    char command = 0;
    require(::read(commands, &command, 1) == 1, "waiting for the store");
    const smem_trans_t handle = open_session(url, Target::kSession);
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(memory != MAP_FAILED, "mmap");
    void* const pool = smem_trans_malloc(handle, size, 0);
    require(pool != nullptr, "smem_trans_malloc");
    std::memset(memory, 1, size);
    std::memset(pool, 1, size);
    std::array<void*, 2> addresses = {memory, pool};
    std::array<size_t, 2> sizes = {size, size};
    require(smem_trans_batch_register_mem(handle, addresses.data(), sizes.data(), 2, 0) == 0, "registering");
    const TargetPlaces places{reinterpret_cast<uint64_t>(memory), reinterpret_cast<uint64_t>(pool)};
    require(::write(answers, &places, sizeof places) == sizeof places, "answering");
    smem_trans_t fresh = nullptr;
    while (::read(commands, &command, 1) == 1) {
        smem_trans_destroy(fresh, 0);
        fresh = open_session(url, Target::kFreshSession);
        require(smem_trans_register_mem(fresh, memory, size, 0) == 0, "registering");
        require(::write(answers, &command, 1) == 1, "answering");
    }
    smem_trans_uninit(0);
    std::_Exit(0);
}

}  // namespace

Target::Target(const std::string& store_url, size_t size) {
    std::array<int, 2> commands{};
    std::array<int, 2> answers{};
    if (::pipe2(commands.data(), O_CLOEXEC) != 0 || ::pipe2(answers.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("no pipes for the target");
    }
    pid_ = ::fork();
    if (pid_ == 0) {
        ::close(commands[1]);
        ::close(answers[0]);
        serve(store_url, size, commands[0], answers[1]);
    }
    ::close(commands[0]);
    ::close(answers[1]);
    to_target_ = commands[1];
    from_target_ = answers[0];
    if (pid_ < 0) {
        throw std::runtime_error("the target could not be forked");
    }
}

Target::~Target() {
    ::close(to_target_);
    ::close(from_target_);
    if (pid_ > 0) {
        ::waitpid(pid_, nullptr, 0);
    }
}

TargetPlaces Target::await_ready() {
    TargetPlaces places;
    if (::write(to_target_, "s", 1) != 1 || ::read(from_target_, &places, sizeof places) != sizeof places) {
        throw std::runtime_error("the target did not start");
    }
    return places;
}

void Target::open_fresh_session() {
    char answer = 0;
    if (::write(to_target_, "f", 1) != 1 || ::read(from_target_, &answer, 1) != 1) {
        throw std::runtime_error("the target did not open another session");
    }
}

}  // namespace memfabric::bench
