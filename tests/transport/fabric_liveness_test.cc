// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_target.h"
#include "transport/fabric/liveness_door.h"
#include "transport/fabric/peer_signs.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::start_here;
using Clock = Deadline::Clock;

class IdlePeer : public ::testing::Test {
 protected:
    void SetUp() override {
        transport_ = start_here();
        peer_ = connect_to(*transport_, target_.address());
        ASSERT_TRUE(put(10s).is_ok());
    }
    Status put(std::chrono::milliseconds limit) {
        const FabricPiece piece{sent_.data(), target_.region(), 0, sent_.size()};
        return transport_->put(*peer_, {&piece, 1}, Deadline::after(limit));
    }
    test::FabricTarget target_;
    std::unique_ptr<FabricTransport> transport_;
    std::shared_ptr<FabricPeer> peer_;
    Bytes sent_ = test::pattern(64);
};

TEST_F(IdlePeer, ThatDiedIsLostAtOnce) {
    target_.end();
    const auto begun = Clock::now();
    const Status lost = put(60s);
    EXPECT_EQ(lost.code(), Code::kPeerLost) << lost.message();
    EXPECT_LT(Clock::now() - begun, 5s);
    EXPECT_NE(lost.message().find("put to rank 1 on host there: its process has ended"), std::string::npos)
        << lost.message();
    const Status ping = transport_->ping(*peer_, Deadline::after(60s));
    EXPECT_EQ(ping.code(), Code::kPeerLost) << ping.message();
    EXPECT_LT(Clock::now() - begun, 10s);
}

TEST_F(IdlePeer, ThatStandsStillIsWaitedForUntilTheDeadline) {
    target_.stop();
    const Status waited = put(1500ms);
    EXPECT_EQ(waited.code(), Code::kTimeout) << waited.message();
    target_.go_on();
    const Status again = put(20s);
    EXPECT_TRUE(again.is_ok()) << again.message();
}

/// Knocking at it is answered by nobody: its queue is full.
class SilentHost {
 public:
    SilentHost() {
        sockaddr_in here{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
        auto* address = reinterpret_cast<sockaddr*>(&here);
        socklen_t size = sizeof here;
        EXPECT_EQ(::bind(listener_.get(), address, size), 0);
        EXPECT_EQ(::listen(listener_.get(), 0), 0);
        EXPECT_EQ(::getsockname(listener_.get(), address, &size), 0);
        address_.assign(reinterpret_cast<const char*>(&here), sizeof here);
        for (Fd& visitor : queue_) {
            visitor = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            EXPECT_LT(::connect(visitor.get(), address, size), 0);
        }
    }
    const std::string& address() const { return address_; }

 private:
    Fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::array<Fd, 4> queue_;
    std::string address_;
};

TEST(FabricPeerWatch, AHostThatGivesNoSignIsLostAfterTheTimeAllowed) {
    const SilentHost host;
    PeerSigns watch("rank 1", {{.name = "eth0 (10.77.0.1)", .door = host.address()}}, 1, 300ms);
    const auto begun = Clock::now();
    Status lost = watch.look(begun);
    while (lost.is_ok() && Clock::now() - begun < 10s) {
        std::this_thread::yield();
        lost = watch.look(begun);
    }
    EXPECT_EQ(lost.code(), Code::kPeerLost);
    EXPECT_GE(Clock::now() - begun, 300ms);
    EXPECT_NE(lost.message().find("rank 1: its host gave no sign for 0."), std::string::npos)
        << lost.message();
    EXPECT_NE(lost.message().find("over eth0 (10.77.0.1): the link"), std::string::npos) << lost.message();
    EXPECT_NE(lost.message().find("`mf ping`"), std::string::npos) << lost.message();
    EXPECT_TRUE(watch.look(Clock::now()).is_ok()) << "the caller has just heard of it";
    EXPECT_NE(watch.doubts(begun - 3s).find("neither has its host"), std::string::npos);
}

/// A door that a test serves itself.
class FabricDoor : public ::testing::Test {
 protected:
    void SetUp() override {
        const sockaddr_in here{AF_INET, htons(1234), {htonl(INADDR_LOOPBACK)}, {}};
        like_.assign(reinterpret_cast<const char*>(&here), sizeof here);
        open(5);
    }
    void open(uint64_t instance) { door_ = std::move(LivenessDoor::open(like_, instance)).value(); }
    Status look_until(PeerSigns& watch, const std::function<bool(const Status&)>& enough) {
        const Deadline deadline = Deadline::after(10s);
        for (;;) {
            if (door_ != nullptr) {
                door_->serve();
            }
            Status seen = watch.look(Clock::now());
            if (enough(seen) || deadline.expired()) {
                return seen;
            }
            std::this_thread::yield();
        }
    }
    std::string like_;
    std::unique_ptr<LivenessDoor> door_;
};

TEST_F(FabricDoor, AnotherLifeAtTheAddressIsNotThePeer) {
    PeerSigns watch("rank 1", {{.door = door_->address()}}, 4, 5000ms);
    const Status seen = look_until(watch, [](const Status& status) { return !status.is_ok(); });
    EXPECT_EQ(seen.code(), Code::kPeerLost);
    EXPECT_NE(seen.message().find("another one is at its address"), std::string::npos) << seen.message();
}

TEST_F(FabricDoor, WhoClosesItIsGone) {
    PeerSigns watch("rank 1", {{.door = door_->address()}}, 5, 5000ms);
    for (int i = 0; i < 100; ++i) {
        door_->serve();
        ASSERT_TRUE(watch.look(Clock::now()).is_ok());
    }
    door_.reset();
    const Status seen = look_until(watch, [](const Status& status) { return !status.is_ok(); });
    EXPECT_EQ(seen.code(), Code::kPeerLost);
    EXPECT_NE(seen.message().find("its process has ended"), std::string::npos) << seen.message();
}

TEST_F(FabricDoor, WhoStandsStillIsThere) {
    PeerSigns watch("rank 1", {{.door = door_->address()}}, 5, 2500ms);
    const auto begun = Clock::now();
    while (Clock::now() - begun < 3s) {
        // The door is not served: the kernels alone speak, each second.
        ASSERT_TRUE(watch.look(begun).is_ok());
        std::this_thread::yield();
    }
}

TEST_F(FabricDoor, WhoStandsStillIsSuspectAndItsHostAnswers) {
    PeerSigns watch("rank 1", {{.door = door_->address()}}, 5, 5000ms, {100ms, 20ms});
    const auto begun = Clock::now();
    EXPECT_EQ(watch.doubts(begun), "");
    std::string doubts;
    while (doubts.find("its host answers") == std::string::npos && Clock::now() - begun < 10s) {
        ASSERT_TRUE(watch.look(begun).is_ok());
        doubts = watch.doubts(begun);
        std::this_thread::yield();
    }
    EXPECT_EQ(doubts.find("has given no sign for 0."), 0U) << doubts;
    EXPECT_EQ(watch.doubts(Clock::now()), "") << "the caller has just heard of it";
}

TEST_F(FabricDoor, IsWithinThePortsOfLibfabric) {
    ::setenv("FI_TCP_PORT_LOW_RANGE", "42310", 1);   // NOLINT(concurrency-mt-unsafe): one thread
    ::setenv("FI_TCP_PORT_HIGH_RANGE", "42329", 1);  // NOLINT(concurrency-mt-unsafe): likewise
    std::vector<std::unique_ptr<LivenessDoor>> doors;
    for (uint64_t instance = 19; instance < 24; ++instance) {
        auto door = LivenessDoor::open(like_, instance);
        ASSERT_TRUE(door.is_ok()) << door.status().message();
        sockaddr_in address{};
        std::memcpy(&address, (*door)->address().data(), sizeof address);
        EXPECT_GE(ntohs(address.sin_port), 42310);
        EXPECT_LE(ntohs(address.sin_port), 42329);
        doors.push_back(std::move(door).value());
    }
    ::unsetenv("FI_TCP_PORT_LOW_RANGE");   // NOLINT(concurrency-mt-unsafe): likewise
    ::unsetenv("FI_TCP_PORT_HIGH_RANGE");  // NOLINT(concurrency-mt-unsafe): likewise
}

TEST(FabricDoorAddress, WhatIsNoAddressOfIpHasNoDoor) {
    const auto door = LivenessDoor::open("some engine's own address", 5);
    ASSERT_TRUE(door.is_ok());
    EXPECT_EQ(*door, nullptr);
    PeerSigns watch("rank 1", {{.door = ""}}, 5, 1ms);
    EXPECT_TRUE(watch.look(Clock::time_point()).is_ok()) << "it never learns anything";
}

}  // namespace
}  // namespace memfabric::transport
