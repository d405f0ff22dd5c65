// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric_memory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "observe/reading.h"

namespace memfabric {
namespace {

using namespace std::chrono_literals;
using observe::Operation;
using observe::Reading;

std::shared_ptr<transport::RemoteMemory> start(const std::string& host) {
    Options options;
    EXPECT_TRUE(options.set(OptionId::kFabricAddress, "127.0.0.1").is_ok());
    auto memory = start_fabric_memory(options, host, "127.0.0.1");
    EXPECT_TRUE(memory.is_ok()) << memory.status().message();
    return std::move(memory).value();
}

uint64_t puts_to(const std::string& peer) {
    Result<Reading> reading = observe::read_own_board();
    EXPECT_TRUE(reading.is_ok()) << reading.status().message();
    uint64_t puts = 0;
    for (const Reading::Count& count : reading->counts) {
        puts += count.operation == Operation::kFabricPut && count.peer == peer ? count.operations : 0;
    }
    return puts;
}

TEST(FabricMemory, APutThatSeveralThreadsWaitForIsCountedOnce) {
    constexpr uint64_t kPuts = 100;
    const auto far = start("there");
    const auto near = start("here");
    std::vector<std::byte> memory(4096);
    std::vector<std::byte> sent(4096, std::byte{7});
    const auto exposed = far->expose(memory);
    ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
    const auto peer = near->connect(far->own_address(), "the waited for");
    ASSERT_TRUE(peer.is_ok()) << peer.status().message();
    const transport::FabricPiece piece{sent.data(), (*exposed)->region(), 0, sent.size()};
    for (uint64_t i = 0; i < kPuts; ++i) {
        auto put = near->begin(**peer, transport::FabricFlow::kPut, {&piece, 1}, Deadline::after(20s));
        ASSERT_TRUE(put.is_ok()) << put.status().message();
        std::jthread other([&] { EXPECT_TRUE((*put)->wait(Deadline::never()).is_ok()); });
        EXPECT_TRUE((*put)->wait(Deadline::never()).is_ok());
        other.join();
    }
    EXPECT_EQ(puts_to("the waited for"), kPuts);
    EXPECT_EQ(memory, sent);
}

}  // namespace
}  // namespace memfabric
