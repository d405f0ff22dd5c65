// SPDX-License-Identifier: Apache-2.0
// Transfers that go on without their caller, and who is told of those that come in.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_target.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::FabricPair;
using test::pattern;
using test::start_here;
using test::wait_until;

TEST_F(FabricPair, BegunTransfersEndByThemselves) {
    constexpr size_t kCount = 40;
    constexpr size_t kSize = 300'000;
    Bytes memory(kCount * kSize);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    const Bytes sent = pattern(memory.size());
    std::vector<std::unique_ptr<RemoteTransfer>> begun;
    for (size_t i = 0; i < kCount; ++i) {
        const FabricPiece piece{const_cast<std::byte*>(sent.data()) + i * kSize, exposed->region(), i * kSize,
                                kSize};
        auto transfer = near_->begin(peer_, FabricFlow::kPut, {&piece, 1}, Deadline::after(10s));
        ASSERT_TRUE(transfer.is_ok()) << transfer.status().message();
        begun.push_back(std::move(transfer).value());
    }
    // Nobody of this thread moves anything: the transport does.
    EXPECT_TRUE(wait_until([&] {
        return std::all_of(begun.begin(), begun.end(),
                           [](const auto& transfer) { return transfer->is_done(); });
    }));
    for (const auto& transfer : begun) {
        const Status outcome = transfer->wait(Deadline::after(10s));
        EXPECT_TRUE(outcome.is_ok()) << outcome.message();
    }
    EXPECT_EQ(memory, sent);
    EXPECT_EQ(near_->counters().put_calls, kCount);
    EXPECT_EQ(near_->counters().put_bytes, memory.size());
}

TEST_F(FabricPair, ABegunGetFillsItsPiecesWhereTheCallerWaits) {
    Bytes memory = pattern(5'000'000);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes received(memory.size());
    const size_t half = memory.size() / 2;
    std::vector<FabricPiece> pieces = {{received.data(), exposed->region(), 0, half},
                                       {received.data() + half, exposed->region(), half, half}};
    auto transfer = near_->begin(peer_, FabricFlow::kGet, pieces, Deadline::after(10s));
    ASSERT_TRUE(transfer.is_ok());
    pieces.assign(pieces.size(), {});  // they were copied
    const Status outcome = (*transfer)->wait(Deadline::after(10s));
    EXPECT_TRUE(outcome.is_ok()) << outcome.message();
    EXPECT_TRUE((*transfer)->is_done());
    EXPECT_EQ(received, memory);
    EXPECT_EQ(near_->counters().get_bytes, memory.size());
}

TEST_F(FabricPair, ABegunTransferOutOfBoundsIsRefusedAtOnce) {
    Bytes memory(4096);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    const FabricPiece piece{memory.data(), exposed->region(), 4000, 97};
    const auto transfer = near_->begin(peer_, FabricFlow::kPut, {&piece, 1}, Deadline::after(10s));
    ASSERT_FALSE(transfer.is_ok());
    EXPECT_EQ(transfer.status().code(), Code::kInvalidParam);
    EXPECT_NE(transfer.status().message().find("region of 4096 bytes"), std::string::npos);
}

TEST_F(FabricPair, WhoListensHearsOfForeignWritesUntilItStops) {
    Bytes memory(4096);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent = pattern(8);
    std::atomic<int> changed{0};
    const auto first = [&] { return std::equal(sent.begin(), sent.end(), memory.begin()); };
    far_->on_activity([&] { changed += first() ? 1 : 0; });
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    ASSERT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
    EXPECT_TRUE(wait_until([&] { return changed > 0; }));
    far_->on_activity(nullptr);
    const int before = changed;
    ASSERT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
    EXPECT_EQ(changed, before);
}

TEST(BegunTransfer, WaitingForItMayEndBeforeItAndItsOwnDeadlineEndsIt) {
    const test::FabricTarget target;
    const auto transport = start_here();
    const auto peer = connect_to(*transport, target.address());
    Bytes sent = pattern(test::kTargetSize);
    const FabricPiece piece{sent.data(), target.region(), 0, sent.size()};
    target.stop();
    auto transfer = transport->begin(peer, FabricFlow::kPut, {&piece, 1}, Deadline::after(500ms));
    ASSERT_TRUE(transfer.is_ok());
    const Status early = (*transfer)->wait(Deadline::after(20ms));
    EXPECT_EQ(early.code(), Code::kTimeout);
    EXPECT_NE(early.message().find("goes on"), std::string::npos) << early.message();
    EXPECT_FALSE((*transfer)->is_done());
    EXPECT_TRUE(wait_until([&] { return (*transfer)->is_done(); }));
    const Status late = (*transfer)->wait(Deadline::after(10s));
    EXPECT_EQ(late.code(), Code::kTimeout);
    EXPECT_NE(late.message().find("broken off"), std::string::npos) << late.message();
}

TEST(BegunTransfer, ItsEndIsWaitedForWhereNobodyAsked) {
    const test::FabricTarget target;
    const auto transport = start_here();
    const auto peer = connect_to(*transport, target.address());
    {
        Bytes sent(1 << 20, std::byte{1});
        const FabricPiece piece{sent.data(), target.region(), 0, sent.size()};
        ASSERT_TRUE(transport->begin(peer, FabricFlow::kPut, {&piece, 1}, Deadline::after(10s)).is_ok());
    }
    EXPECT_EQ(transport->counters().put_calls, 1U);
}

TEST(BegunTransfer, EndsWhereItsPeerIsKnownToBeGone) {
    const test::FabricTarget target;
    const auto transport = start_here();
    const auto peer = connect_to(*transport, target.address());
    Bytes sent(test::kTargetSize);
    const FabricPiece piece{sent.data(), target.region(), 0, sent.size()};
    target.stop();
    auto transfer = transport->begin(peer, FabricFlow::kPut, {&piece, 1}, Deadline::after(60s));
    ASSERT_TRUE(transfer.is_ok());
    peer->abandon(Status(Code::kPeerLost, "rank 1 went up in smoke"));
    EXPECT_TRUE(wait_until([&] { return (*transfer)->is_done(); }));
    const Status outcome = (*transfer)->wait(Deadline::never());
    EXPECT_EQ(outcome.code(), Code::kPeerLost);
    EXPECT_NE(outcome.message().find("up in smoke"), std::string::npos) << outcome.message();
}

}  // namespace
}  // namespace memfabric::transport
