// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>

namespace memfabric {
namespace {

bool is_blocked(int signal_number) {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, signal_number) == 1;
}

TEST(ThreadTest, BlocksEverySignalAndLeavesTheCallersMaskAlone) {
    const bool before = is_blocked(SIGUSR1);
    bool all_blocked = false;
    start_thread("mask", [&](const std::stop_token&) {
        all_blocked = true;
        for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGPIPE, SIGALRM, SIGHUP, SIGRTMIN + 1}) {
            all_blocked = all_blocked && is_blocked(number);
        }
    }).join();
    EXPECT_TRUE(all_blocked);
    EXPECT_EQ(is_blocked(SIGUSR1), before);
}

TEST(ThreadTest, HasItsNameCutToWhatTheKernelShows) {
    std::array<char, 16> name{};
    start_thread("memfabric-progress-0", [&](const std::stop_token&) {
        pthread_getname_np(pthread_self(), name.data(), name.size());
    }).join();
    EXPECT_EQ(std::string(name.data()), "memfabric-progr");
}

TEST(ThreadTest, DestructionStopsAndJoins) {
    bool ended = false;
    {
        std::mutex mutex;
        std::condition_variable_any wake;
        const std::jthread thread = start_thread("stop", [&](const std::stop_token& stop) {
            std::unique_lock lock(mutex);
            wake.wait(lock, stop, [] { return false; });
            ended = stop.stop_requested();
        });
    }
    EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace memfabric
