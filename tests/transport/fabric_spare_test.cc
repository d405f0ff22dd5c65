// SPDX-License-Identifier: Apache-2.0
// Requests where a connection is never finished.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/swallowing_relay.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::connect_to;
using test::SwallowingRelay;

constexpr uint32_t kEcho = 7;

class FabricSpare : public test::FabricPair {
 protected:
    void SetUp() override {
        FabricPair::SetUp();
        peer_.reset();  // whoever connects to the same process while it lives has its lines
        far_->serve(kEcho, [](std::string_view request) { return std::string(request) + "!"; });
    }

    /// `far_`, whose requests go to that address.
    std::shared_ptr<FabricPeer> far_at(const std::string& messages) {
        FabricAddress address = far_->address();
        address.ports.front().messages = messages;
        return connect_to(*near_, address);
    }
    std::string messages_of_far() { return far_->address().ports.front().messages; }
    void expect_an_answer(FabricPeer& peer, std::chrono::seconds limit) {
        const auto answer = near_->request(peer, kEcho, "?", Deadline::after(limit));
        ASSERT_TRUE(answer.is_ok()) << answer.status().message();
        EXPECT_EQ(*answer, "?!");
    }
};

size_t listening_sockets() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int descriptor = std::stoi(entry.path().filename());
        int listens = 0;
        socklen_t size = sizeof listens;
        count += ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
    }
    return count;
}

TEST_F(FabricSpare, AnotherEndpointAsksWhereAConnectionIsNeverFinished) {
    const SwallowingRelay relay(messages_of_far(), 1);
    const auto peer = far_at(relay.address());
    expect_an_answer(*peer, 20s);
    expect_an_answer(*peer, 1s);  // by the line that led there before
}

TEST_F(FabricSpare, AndAnotherOneYetWhereItsConnectionIsNotEither) {
    const SwallowingRelay relay(messages_of_far(), 2);
    const auto peer = far_at(relay.address());
    expect_an_answer(*peer, 40s);
}

TEST_F(FabricSpare, CallersWithoutPatienceGetOneTogether) {
    const SwallowingRelay relay(messages_of_far(), 1);
    const auto peer = far_at(relay.address());
    const Deadline deadline = Deadline::after(20s);
    while (!near_->request(*peer, kEcho, "?", Deadline::after(600ms)).is_ok() && !deadline.expired()) {
    }
    EXPECT_FALSE(deadline.expired());
}

TEST_F(FabricSpare, OneIsForAllPeersWhoseConnectionsAreNotFinished) {
    const auto other = test::start_here();
    other->serve(kEcho, [](std::string_view request) { return std::string(request) + "!"; });
    const SwallowingRelay to_far(messages_of_far(), 1);
    const SwallowingRelay to_other(other->address().ports.front().messages, 1);
    const auto peer = far_at(to_far.address());
    FabricAddress address = other->address();
    address.ports.front().messages = to_other.address();
    const auto other_peer = connect_to(*near_, address);
    const size_t before = listening_sockets();
    expect_an_answer(*peer, 20s);
    expect_an_answer(*other_peer, 20s);
    EXPECT_EQ(listening_sockets(), before + 1);
}

}  // namespace
}  // namespace memfabric::transport
