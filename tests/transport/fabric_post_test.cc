// SPDX-License-Identifier: Apache-2.0
// Puts of which nothing comes back at first.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_target.h"
#include "transport/fabric/peer_sockets.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::FabricPair;
using test::FabricTarget;
using test::pattern;
using test::start_here;
using test::wait_until;

std::unique_ptr<RemoteTransfer> post(FabricTransport& transport, const std::shared_ptr<FabricPeer>& peer,
                                     const FabricPiece& piece, Deadline deadline = Deadline::after(10s)) {
    auto posted = transport.post(peer, piece, deadline);
    EXPECT_TRUE(posted.is_ok()) << posted.status().message();
    return std::move(posted).value();
}

class FabricPost : public FabricPair {
 protected:
    void SetUp() override {
        FabricPair::SetUp();
        auto exposed = far_->expose(memory_);
        ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
        exposed_ = std::make_unique<ExposedRegion>(std::move(exposed).value());
    }
    FabricPiece whole() { return {sent_.data(), exposed_->region(), 0, sent_.size()}; }
    bool has_arrived() const { return std::ranges::equal(memory_, sent_); }

    Bytes sent_ = pattern(4160);
    Bytes memory_ = Bytes(4160);
    std::unique_ptr<ExposedRegion> exposed_;
};

TEST_F(FabricPost, WhatNobodySettlesIsPutAgain) {
    const auto posted = post(*near_, peer_, whole());
    EXPECT_TRUE(wait_until([&] { return posted->is_done(); }));
    EXPECT_TRUE(has_arrived());
    EXPECT_EQ(near_->counters().put_calls, 2U);
    const Status outcome = posted->wait(Deadline::after(10s));
    EXPECT_TRUE(outcome.is_ok()) << outcome.message();
    EXPECT_EQ(near_->counters().put_calls, 2U);
}

TEST_F(FabricPost, WhatIsSettledIsPutOnce) {
    constexpr auto kLongAfter = 60ms;
    const auto posted = post(*near_, peer_, whole());
    EXPECT_TRUE(wait_until([&] { return has_arrived(); }));
    posted->settle();
    const uint64_t before = near_->counters().put_calls;
    EXPECT_LE(before, 2U) << "where this machine was slow it was put again before it was settled";
    const Deadline end = Deadline::after(kLongAfter);
    uint64_t others = 0;
    while (!end.expired()) {
        const FabricPiece piece = whole();
        EXPECT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
        ++others;
    }
    EXPECT_EQ(near_->counters().put_calls, before + others);
}

TEST_F(FabricPost, WhoWaitsHearsThatItArrived) {
    const auto posted = post(*near_, peer_, whole());
    const Status outcome = posted->wait(Deadline::after(10s));
    EXPECT_TRUE(outcome.is_ok()) << outcome.message();
    EXPECT_TRUE(has_arrived());
    EXPECT_TRUE(posted->is_done());
}

TEST_F(FabricPost, IsCheckedAsEveryPut) {
    const FabricPiece piece{sent_.data(), exposed_->region(), 100, sent_.size()};
    const auto posted = near_->post(peer_, piece, Deadline::after(10s));
    ASSERT_FALSE(posted.is_ok());
    EXPECT_EQ(posted.status().code(), Code::kInvalidParam);
    EXPECT_NE(posted.status().message().find("region of 4160 bytes"), std::string::npos);
}

TEST_F(FabricPost, ManyArriveInAnyNumberThatIsUnderWayAtOnce) {
    constexpr size_t kSize = 64;
    std::vector<std::unique_ptr<RemoteTransfer>> all;
    for (size_t at = 0; at + kSize <= sent_.size(); at += kSize) {
        all.push_back(post(*near_, peer_, {sent_.data() + at, exposed_->region(), at, kSize}));
    }
    EXPECT_TRUE(wait_until([&] { return has_arrived(); }));
    std::ranges::for_each(all, [](const auto& posted) { posted->settle(); });
}

/// One in another process, which has not got yet what is sent.
class FabricPostTarget : public ::testing::Test {
 protected:
    void SetUp() override { ASSERT_NE(held(), sent_); }
    FabricPiece whole() { return {sent_.data(), target_.region(), 0, sent_.size()}; }
    /// What the target's memory holds.
    Bytes held() {
        Bytes held(sent_.size());
        const FabricPiece piece{held.data(), target_.region(), 0, held.size()};
        const Status got = transport_->get(*peer_, {&piece, 1}, Deadline::after(10s));
        EXPECT_TRUE(got.is_ok()) << got.message();
        return held;
    }

    FabricTarget target_;
    std::unique_ptr<FabricTransport> transport_ = start_here();
    std::shared_ptr<FabricPeer> peer_ = connect_to(*transport_, target_.address());
    Bytes sent_ = pattern(100);
};

TEST_F(FabricPostTarget, OneThatStandsStillIsWaitedFor) {
    target_.stop();
    const auto posted = post(*transport_, peer_, whole());
    const Status early = posted->wait(Deadline::after(50ms));
    EXPECT_EQ(early.code(), Code::kTimeout);
    EXPECT_NE(early.message().find("goes on"), std::string::npos) << early.message();
    EXPECT_FALSE(posted->is_done());
    target_.go_on();
    const Status late = posted->wait(Deadline::after(10s));
    EXPECT_TRUE(late.is_ok()) << late.message();
    EXPECT_EQ(held(), sent_);
}

TEST_F(FabricPostTarget, WhatWasAskedAboutOneThatIsKeptHoldsUpNoRequest) {
    constexpr int kMoreThanThePeerKeeps = 4200;
    target_.stop();
    const auto posted = post(*transport_, peer_, whole());
    EXPECT_EQ(posted->wait(Deadline::after(300ms)).code(), Code::kTimeout);  // it is asked meanwhile
    target_.go_on();
    const Status late = posted->wait(Deadline::after(10s));
    EXPECT_TRUE(late.is_ok()) << late.message();
    for (int i = 0; i < kMoreThanThePeerKeeps; ++i) {
        const Status answered = transport_->ping(*peer_, Deadline::after(5s));
        ASSERT_TRUE(answered.is_ok()) << i << ": " << answered.message();
    }
}

TEST_F(FabricPostTarget, WhatABrokenConnectionLosesIsPutAgain) {
    target_.stop();
    const auto posted = post(*transport_, peer_, whole());
    for (const FabricPeer::Way& way : peer_->ways()) {
        break_connections_to(way.address);
    }
    target_.go_on();
    EXPECT_TRUE(wait_until([&] { return posted->is_done(); }));
    const Status outcome = posted->wait(Deadline::after(10s));
    EXPECT_TRUE(outcome.is_ok()) << outcome.message();
    EXPECT_EQ(held(), sent_);
}

TEST_F(FabricPostTarget, OneThatIsGoneIsFoundOutWithoutTheCaller) {
    target_.end();
    const auto posted = post(*transport_, peer_, whole());
    EXPECT_TRUE(wait_until([&] { return posted->is_done(); }));
    const Status outcome = posted->wait(Deadline::after(10s));
    EXPECT_EQ(outcome.code(), Code::kPeerLost) << outcome.message();
}

}  // namespace
}  // namespace memfabric::transport
