// SPDX-License-Identifier: Apache-2.0
// A transport that nobody uses costs nothing, also after it was used.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::FabricPair;

std::chrono::microseconds processor_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

/// How often this process's threads of that name have gone to sleep.
uint64_t sleeps_of(const std::string& name) {
    uint64_t sleeps = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        bool is_wanted = false;
        for (std::string word; status >> word;) {
            if (word == "Name:") {
                status >> word;
                is_wanted = word == name;
            } else if (is_wanted && word == "voluntary_ctxt_switches:") {
                uint64_t count = 0;
                status >> count;
                sleeps += count;
            }
        }
    }
    return sleeps;
}

TEST_F(FabricPair, PutsWakeNobodyWhoWaitsForMessages) {
    constexpr uint64_t kPuts = 500;
    Bytes memory(64);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent(8);
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    ASSERT_TRUE(near_->ping(*peer_, Deadline::after(10s)).is_ok());
    const uint64_t before = sleeps_of("mf-messages");
    ASSERT_GT(before, 0U) << "there is no such thread";
    for (uint64_t i = 0; i < kPuts; ++i) {
        ASSERT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
    }
    EXPECT_LT(sleeps_of("mf-messages") - before, kPuts / 10);
}

TEST_F(FabricPair, SleepsSoonAfterItsLastOperation) {
    Bytes memory(64);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent(8);
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
    }
    // A thread that spins takes all of a window of this length; the first ones are the sleepers' last looks.
    constexpr std::chrono::milliseconds kWindow{100};
    std::chrono::microseconds least{kWindow};
    for (int i = 0; i < 10; ++i) {
        const auto before = processor_time();
        std::this_thread::sleep_for(kWindow);
        least = std::min(least, processor_time() - before);
    }
    EXPECT_LT(least, 5ms);
}

}  // namespace
}  // namespace memfabric::transport
