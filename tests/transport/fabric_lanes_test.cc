// SPDX-License-Identifier: Apache-2.0
// Several lanes: long transfers go over all of them, threads share them, and what is too much waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::FabricPair;
using test::pattern;

std::unique_ptr<FabricTransport> start_with(size_t endpoints) {
    FabricConfig config{.provider = "tcp;ofi_rxm", .nics = {{.address = "127.0.0.1"}}, .host_id = "here"};
    config.endpoints = endpoints;
    auto started = FabricTransport::start(config);
    EXPECT_TRUE(started.is_ok()) << started.status().message();
    return std::move(started).value();
}

struct Counts {
    size_t origin;
    size_t target;
};

/// How many endpoints the two sides have.
class FabricLaneCounts : public ::testing::TestWithParam<Counts> {};

TEST_P(FabricLaneCounts, LongTransfersArriveWhole) {
    const auto far = start_with(GetParam().target);
    const auto near = start_with(GetParam().origin);
    const auto peer = connect_to(*near, far->address());
    Bytes memory(24 << 20);
    auto exposed = far->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    for (const size_t size : {size_t{64} << 10, (size_t{1} << 20) + 1, memory.size() - 3}) {
        ASSERT_NO_FATAL_FAILURE(test::check_round_trip(*near, *peer, exposed->region(), memory, 3,
                                                       pattern(size, static_cast<unsigned>(size)), 20s));
    }
    EXPECT_EQ(far->address().ports.front().endpoints.size(), GetParam().target);
}

INSTANTIATE_TEST_SUITE_P(Endpoints, FabricLaneCounts,
                         ::testing::Values(Counts{1, 1}, Counts{4, 4}, Counts{3, 1}, Counts{1, 3}),
                         [](const auto& counts) {
                             return std::to_string(counts.param.origin) + "To" +
                                    std::to_string(counts.param.target);
                         });

/// As providers of adapters demand it; short operations go through memory of the transport's own.
TEST(FabricRegistersLocalMemory, AndWhatIsPutIsThereAndComesBack) {
    FabricConfig config{.provider = "tcp;ofi_rxm", .nics = {{.address = "127.0.0.1"}}, .host_id = "here"};
    config.register_local = true;
    auto near = FabricTransport::start(config);
    ASSERT_TRUE(near.is_ok()) << near.status().message();
    const auto far = start_with(2);
    const auto peer = connect_to(**near, far->address());
    Bytes memory(5 << 20);
    auto exposed = far->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    for (const size_t size : {size_t{1}, size_t{1000}, size_t{40'000}, size_t{1} << 20}) {
        Bytes sent = pattern(4 * size, static_cast<unsigned>(size));
        Bytes received(sent.size());
        std::vector<FabricPiece> out;
        std::vector<FabricPiece> in;
        for (size_t i = 0; i < 4; ++i) {
            const uint64_t offset = (3 - i) * (size + 5);
            out.push_back({sent.data() + i * size, exposed->region(), offset, size});
            in.push_back({received.data() + i * size, exposed->region(), offset, size});
        }
        const Status put = (*near)->put(*peer, out, Deadline::after(10s));
        ASSERT_TRUE(put.is_ok()) << put.message();
        EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + static_cast<ptrdiff_t>(size),
                               memory.begin() + static_cast<ptrdiff_t>(3 * (size + 5))));
        const Status get = (*near)->get(*peer, in, Deadline::after(10s));
        ASSERT_TRUE(get.is_ok()) << get.message();
        EXPECT_TRUE(received == sent) << size;
    }
}

TEST_F(FabricPair, ThreadsWithSmallAndLongTransfersDoNotDisturbEachOther) {
    constexpr size_t kThreads = 6;
    constexpr size_t kShare = 4 << 20;
    Bytes memory(kThreads * kShare);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    std::atomic<int> failures{0};
    {
        std::vector<std::jthread> threads;
        for (size_t thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                const bool is_long = thread % 3 == 0;
                const size_t size = is_long ? kShare : 8;
                Bytes sent(size);
                Bytes received(size);
                for (int round = 0; round < (is_long ? 5 : 300); ++round) {
                    std::fill(sent.begin(), sent.end(), static_cast<std::byte>(round + 1));
                    const FabricPiece out{sent.data(), exposed->region(), thread * kShare, size};
                    const FabricPiece in{received.data(), exposed->region(), thread * kShare, size};
                    const bool done = near_->put(*peer_, {&out, 1}, Deadline::after(20s)).is_ok() &&
                                      near_->get(*peer_, {&in, 1}, Deadline::after(20s)).is_ok();
                    failures += done && received == sent ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(failures, 0);
}

TEST_F(FabricPair, MoreThanTheQueuesHoldWaitsForItsTurn) {
    constexpr size_t kTransfers = 60;
    constexpr size_t kPieces = 400;
    constexpr size_t kSize = 24;
    Bytes memory(kTransfers * kPieces * kSize);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent = pattern(memory.size());
    std::vector<std::unique_ptr<RemoteTransfer>> begun;
    for (size_t transfer = 0; transfer < kTransfers; ++transfer) {
        std::vector<FabricPiece> pieces;
        for (size_t i = 0; i < kPieces; ++i) {
            const size_t offset = (i * kTransfers + transfer) * kSize;
            pieces.push_back({sent.data() + offset, exposed->region(), offset, kSize});
        }
        auto started = near_->begin(peer_, FabricFlow::kPut, pieces, Deadline::after(30s));
        ASSERT_TRUE(started.is_ok());
        begun.push_back(std::move(started).value());
    }
    for (const auto& transfer : begun) {
        const Status outcome = transfer->wait(Deadline::after(30s));
        ASSERT_TRUE(outcome.is_ok()) << outcome.message();
    }
    EXPECT_TRUE(memory == sent);
    EXPECT_EQ(near_->counters().put_calls, kTransfers);
    EXPECT_EQ(near_->counters().retried_operations, 0U);
}

TEST_F(FabricPair, WhoSpinsMayLetForeignWritesHappenItself) {
    alignas(8) std::array<std::byte, 8> word{};
    auto exposed = far_->expose(word);
    ASSERT_TRUE(exposed.is_ok());
    std::atomic<bool> there{false};
    far_->on_activity([&] {
        uint64_t value = 0;
        std::memcpy(&value, word.data(), sizeof value);
        there = value == 77;
    });
    uint64_t sent = 77;
    const FabricPiece piece{reinterpret_cast<std::byte*>(&sent), exposed->region(), 0, sizeof sent};
    auto put = near_->begin(peer_, FabricFlow::kPut, {&piece, 1}, Deadline::after(10s));
    ASSERT_TRUE(put.is_ok());
    const Deadline deadline = Deadline::after(10s);
    while (!there && !deadline.expired()) {
        far_->poll();
    }
    EXPECT_TRUE(there);
    EXPECT_TRUE((*put)->wait(Deadline::after(10s)).is_ok());
    far_->on_activity(nullptr);
}

TEST_F(FabricPair, WhoSpinsAndGoesLeavesForeignWritesToTheThread) {
    Bytes memory(8);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent(8);
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    for (int round = 0; round < 100; ++round) {
        std::atomic<bool> was_put{false};
        std::jthread looks([&] {
            while (!was_put) {
                far_->poll();
            }
        });
        for (const bool is_watched : {true, false}) {
            sent.front() = static_cast<std::byte>(2 * round + (is_watched ? 1 : 2));
            const Status put = near_->put(*peer_, {&piece, 1}, Deadline::after(10s));
            EXPECT_TRUE(put.is_ok()) << put.message();
            EXPECT_EQ(memory, sent);
            was_put = true;
            if (is_watched) {
                looks.join();
            }
        }
    }
}

/// Peers that come back have new addresses each time.
TEST(FabricPeers, ThatComeAndGoAreForgotten) {
    const auto near = start_with(2);
    uint64_t sent = 1;
    for (int life = 0; life < 20; ++life) {
        const auto far = start_with(2);
        Bytes memory(2 << 20);
        auto exposed = far->expose(memory);
        ASSERT_TRUE(exposed.is_ok());
        const auto peer = connect_to(*near, far->address());
        const auto same = connect_to(*near, far->address());  // as another object's member
        const FabricPiece small{reinterpret_cast<std::byte*>(&sent), exposed->region(), 0, sizeof sent};
        ASSERT_TRUE(near->put(*peer, {&small, 1}, Deadline::after(10s)).is_ok());
        Bytes received(memory.size());
        const FabricPiece all{received.data(), exposed->region(), 0, received.size()};
        ASSERT_TRUE(near->get(*same, {&all, 1}, Deadline::after(10s)).is_ok());
        EXPECT_TRUE(received == memory);
    }
}

}  // namespace
}  // namespace memfabric::transport
