// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_transport.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_target.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::check_round_trip;
using test::connect_to;
using test::FabricPair;
using test::pattern;
using test::start_here;

TEST_F(FabricPair, WhatIsPutIsThereAndComesBack) {
    Bytes memory(3 << 20);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    for (const size_t size : {size_t{0}, size_t{1}, size_t{8}, size_t{4097}, memory.size() - 5}) {
        ASSERT_NO_FATAL_FAILURE(
            check_round_trip(*near_, *peer_, exposed->region(), memory, 5, pattern(size), 5s));
    }
    EXPECT_EQ(near_->counters().put_calls, 5U);
    EXPECT_EQ(near_->counters().put_bytes, near_->counters().get_bytes);
}

TEST_F(FabricPair, ABatchOfManyPiecesFillsItsPlacesAndNoOther) {
    constexpr size_t kCount = 500;
    constexpr size_t kSize = 1000;
    Bytes memory(kCount * 2 * kSize);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent = pattern(kCount * kSize);
    std::vector<FabricPiece> pieces;
    for (size_t i = 0; i < kCount; ++i) {
        pieces.push_back({sent.data() + i * kSize, exposed->region(), i * 2 * kSize, kSize});
    }
    const Status put = near_->put(*peer_, pieces, Deadline::after(5s));
    ASSERT_TRUE(put.is_ok()) << put.message();
    for (size_t i = 0; i < kCount; ++i) {
        const auto place = memory.begin() + static_cast<ptrdiff_t>(i * 2 * kSize);
        ASSERT_TRUE(std::equal(place, place + kSize, sent.begin() + static_cast<ptrdiff_t>(i * kSize))) << i;
        ASSERT_EQ(std::count(place + kSize, place + 2 * kSize, std::byte{0}), ptrdiff_t{kSize}) << i;
    }
}

TEST_F(FabricPair, OutOfBoundsIsToldWithBothSizesAndWritesNothing) {
    Bytes memory(4096);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent = pattern(100);
    for (const uint64_t offset : {uint64_t{4000}, ~uint64_t{0} - 50}) {
        const FabricPiece piece{sent.data(), exposed->region(), offset, sent.size()};
        const Status put = near_->put(*peer_, {&piece, 1}, Deadline::after(5s));
        EXPECT_EQ(put.code(), Code::kInvalidParam);
        EXPECT_NE(put.message().find("region of 4096 bytes"), std::string::npos) << put.message();
    }
    EXPECT_EQ(memory, Bytes(4096));
}

TEST(FabricStart, AProviderThatIsNotThereIsNamedWithThoseThatAre) {
    const auto started = FabricTransport::start({"carrierpigeon", {{.address = "127.0.0.1"}}, "here"});
    ASSERT_FALSE(started.is_ok());
    EXPECT_EQ(started.status().code(), Code::kNotSupported);
    EXPECT_NE(started.status().message().find("carrierpigeon"), std::string::npos);
    EXPECT_NE(started.status().message().find("tcp;ofi_rxm"), std::string::npos)
        << started.status().message();
}

TEST(FabricPeers, AnAddressThatNobodyListensOnIsAPeerThatIsGone) {
    FabricAddress gone;
    {
        const auto ended = start_here();
        gone = ended->address();
    }
    const auto transport = start_here();
    const auto peer = connect_to(*transport, gone);
    Bytes sent = pattern(8);
    const FabricPiece piece{sent.data(), {1, 0, 4096}, 0, 8};
    const Status lost = transport->put(*peer, {&piece, 1}, Deadline::after(60s));
    EXPECT_EQ(lost.code(), Code::kPeerLost);
    EXPECT_NE(lost.message().find("nobody listens"), std::string::npos) << lost.message();
    // Where nothing says that it is gone, the engine would try for ever.
    gone.ports.front().door.clear();
    const auto silent = connect_to(*transport, gone);
    EXPECT_EQ(transport->put(*silent, {&piece, 1}, Deadline::after(300ms)).code(), Code::kTimeout);
}

TEST(FabricPeers, WhoIsReachedOtherwiseIsRefusedWithWhatToSet) {
    const auto transport = start_here();
    FabricAddress other = transport->address();
    other.provider = "verbs;ofi_rxm";
    const auto by_another = transport->connect(other, "rank 1 on host there");
    EXPECT_EQ(by_another.status().code(), Code::kNotSupported);
    EXPECT_EQ(by_another.status().message(),
              "rank 1 on host there is reached by provider 'verbs;ofi_rxm', this process uses 'tcp;ofi_rxm': "
              "set MF_FABRIC_PROVIDER alike on both hosts");
    other = transport->address();
    for (std::string& engine : other.ports.front().endpoints) {
        engine.resize(28);  // as many bytes as an address of IPv6 has
    }
    const auto elsewhere = transport->connect(other, "rank 1 on host there");
    EXPECT_EQ(elsewhere.status().code(), Code::kNotSupported);
    EXPECT_EQ(elsewhere.status().message(),
              "rank 1 on host there is reached at addresses of another kind (IPv4, IPv6) than this process "
              "has: let MF_FABRIC_ADDRESS name addresses of one kind, or interfaces that have them, on each "
              "host");
}

TEST(FabricPeers, WhoHasTheProviderSetOtherwiseIsRefusedWithBothValues) {
    const auto transport = start_here();
    FabricAddress other = transport->address();
    EXPECT_EQ(other.settings, "FI_OFI_RXM_EAGER_LIMIT=1024");
    other.settings = "FI_OFI_RXM_EAGER_LIMIT=16384";
    const auto refused = transport->connect(other, "rank 1 on host there");
    EXPECT_EQ(refused.status().code(), Code::kNotSupported);
    EXPECT_EQ(refused.status().message(),
              "rank 1 on host there has FI_OFI_RXM_EAGER_LIMIT=16384, this process has "
              "FI_OFI_RXM_EAGER_LIMIT=1024: provider 'tcp;ofi_rxm' refuses connections between them. Set it "
              "alike on all hosts, or on none");
}

struct Ending {
    bool put;
    bool finds_sockets;  // else the endpoint is closed and opened again
};

class StoppedTarget : public ::testing::TestWithParam<Ending> {};

/// The buffer is unmapped as soon as the call ended: were it touched when the target goes on, this process
/// would get EFAULT on its way to the socket, or a fault of its own.
TEST_P(StoppedTarget, AfterTheDeadlineNobodyTouchesTheBuffer) {
    const test::FabricTarget target;
    const auto transport = start_here(GetParam().finds_sockets);
    const auto peer = connect_to(*transport, target.address());
    Bytes small = pattern(8);
    const FabricPiece probe{small.data(), target.region(), 0, small.size()};
    ASSERT_TRUE(transport->put(*peer, {&probe, 1}, Deadline::after(5s)).is_ok());
    target.stop();
    void* mapped =
        ::mmap(nullptr, test::kTargetSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    const FabricPiece big{static_cast<std::byte*>(mapped), target.region(), 0, test::kTargetSize};
    const auto begun = std::chrono::steady_clock::now();
    const Status ended = GetParam().put ? transport->put(*peer, {&big, 1}, Deadline::after(500ms))
                                        : transport->get(*peer, {&big, 1}, Deadline::after(500ms));
    EXPECT_EQ(ended.code(), Code::kTimeout) << ended.message();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
    // Other memory takes its place, so that a late write would show.
    ASSERT_EQ(::mmap(mapped, test::kTargetSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              mapped);
    target.go_on();
    Bytes back(8);
    const FabricPiece after{back.data(), target.region(), test::kTargetSize - 8, 8};
    const Status again = transport->get(*peer, {&after, 1}, Deadline::after(10s));
    EXPECT_TRUE(again.is_ok()) << again.message();
    const auto* words = static_cast<const uint64_t*>(mapped);
    EXPECT_TRUE(std::all_of(words, words + test::kTargetSize / 8, [](uint64_t word) { return word == 0; }));
    ::munmap(mapped, test::kTargetSize);
}

INSTANTIATE_TEST_SUITE_P(Flows, StoppedTarget,
                         ::testing::Values(Ending{true, true}, Ending{false, true}, Ending{true, false},
                                           Ending{false, false}),
                         [](const auto& ending) {
                             return std::string(ending.param.put ? "Put" : "Get") +
                                    (ending.param.finds_sockets ? "" : "WithoutSockets");
                         });

/// One process that reaches two others.
class TwoTargets : public ::testing::Test {
 protected:
    Status put_to_first(Deadline deadline) {
        return transport_->put(*to_first_, {&first_piece_, 1}, deadline);
    }
    Status put_to_second(Deadline deadline) {
        return transport_->put(*to_second_, {&second_piece_, 1}, deadline);
    }

    const test::FabricTarget first_;
    const test::FabricTarget second_;
    const std::unique_ptr<FabricTransport> transport_ = start_here();
    const std::shared_ptr<FabricPeer> to_first_ = connect_to(*transport_, first_.address());
    const std::shared_ptr<FabricPeer> to_second_ = connect_to(*transport_, second_.address());
    Bytes sent_ = pattern(test::kTargetSize);
    const FabricPiece first_piece_{sent_.data(), first_.region(), 0, sent_.size()};
    const FabricPiece second_piece_{sent_.data(), second_.region(), 0, sent_.size()};
};

class KilledTarget : public TwoTargets {};

TEST_F(KilledTarget, EndsItsTransfersWithPeerLostAndOthersGoOn) {
    ASSERT_TRUE(put_to_first(Deadline::after(20s)).is_ok());
    first_.stop();
    const uint64_t before = transport_->counters().begun_operations;
    std::jthread killer([&] {
        while (transport_->counters().begun_operations == before) {
            std::this_thread::yield();
        }
        first_.kill_only();
    });
    const Status ended = put_to_first(Deadline::after(20s));
    EXPECT_EQ(ended.code(), Code::kPeerLost) << ended.message();
    const Status good = put_to_second(Deadline::after(20s));
    EXPECT_TRUE(good.is_ok()) << good.message();
}

class StoppedNeighbour : public TwoTargets, public ::testing::WithParamInterface<bool> {};

/// Whether it stood still before there was a connection, or took bytes until it did.
TEST_P(StoppedNeighbour, HoldsUpNoTransferToAnother) {
    if (GetParam()) {
        ASSERT_TRUE(put_to_first(Deadline::after(20s)).is_ok());
    }
    first_.stop();
    auto waiting = transport_->begin(to_first_, FabricFlow::kPut, {&first_piece_, 1}, Deadline::after(60s));
    ASSERT_TRUE(waiting.is_ok()) << waiting.status().message();
    for (int i = 0; i < 3; ++i) {
        const Status good = put_to_second(Deadline::after(10s));
        EXPECT_TRUE(good.is_ok()) << good.message();
    }
    first_.go_on();
    const Status waited = (*waiting)->wait(Deadline::never());
    EXPECT_TRUE(waited.is_ok()) << waited.message();
}

INSTANTIATE_TEST_SUITE_P(Connections, StoppedNeighbour, ::testing::Values(false, true),
                         [](const auto& once) { return once.param ? "Connected" : "NeverConnected"; });

TEST(FabricTargetProcess, DISABLED_Serve) {
    const auto transport = start_here();
    Bytes memory(test::kTargetSize, std::byte{7});
    auto exposed = transport->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    std::printf("@%s@", test::FabricPlace{exposed->region(), transport->address()}.text().c_str());
    std::fflush(stdout);
    for (;;) {
        ::pause();
    }
}

}  // namespace
}  // namespace memfabric::transport
