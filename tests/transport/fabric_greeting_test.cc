// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "base/fd.h"
#include "tests/transport/fabric_pair.h"
#include "transport/fabric/fabric_transport.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::start_here;

/// Listens where a peer's endpoint is said to be.
class Doorman {
 public:
    Doorman() {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
    }
    /// As libfabric writes it.
    std::string address() const {
        sockaddr_in own{};
        socklen_t size = sizeof own;
        EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&own), &size), 0);
        return {reinterpret_cast<const char*>(&own), size};
    }
    /// The peer's, but that its endpoints are said to be here.
    FabricAddress stands_for(FabricAddress peer) const {
        for (std::string& endpoint : peer.ports.front().endpoints) {
            EXPECT_EQ(endpoint.size(), address().size());
            endpoint = address();
        }
        return peer;
    }
    /// The next connection, whose first bytes have come; none where there is none in time.
    Fd greeted(std::chrono::milliseconds patience) const {
        Fd visitor;
        if (is_readable(listener_, patience)) {
            visitor = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        }
        std::array<char, 256> greeting{};
        const bool came = visitor.is_open() && is_readable(visitor, patience) &&
                          ::recv(visitor.get(), greeting.data(), greeting.size(), 0) > 0;
        return came ? std::move(visitor) : Fd();
    }

 private:
    static bool is_readable(const Fd& descriptor, std::chrono::milliseconds patience) {
        pollfd wait{descriptor.get(), POLLIN, 0};
        return ::poll(&wait, 1, static_cast<int>(patience.count())) == 1;
    }
    Fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

/// The first connection of `near` to a peer is ended when it should be answered: there is to be another one.
void check_that_it_tries_again(FabricTransport& near, const FabricAddress& address,
                               const RemoteRegion& region) {
    const Doorman doorman;
    const auto peer = connect_to(near, doorman.stands_for(address));
    Bytes sent(region.size);
    const FabricPiece piece{sent.data(), region, 0, sent.size()};
    auto put = near.begin(peer, FabricFlow::kPut, {&piece, 1}, Deadline::after(1s));
    ASSERT_TRUE(put.is_ok());
    bool came_again = false;
    std::jthread door([&] {
        const Fd first = doorman.greeted(1s);
        ASSERT_TRUE(first.is_open());
        ASSERT_EQ(::shutdown(first.get(), SHUT_WR), 0);
        came_again = doorman.greeted(1s).is_open();
    });
    errno = EAGAIN;
    EXPECT_EQ((*put)->wait(Deadline::never()).code(), Code::kTimeout);
    door.join();
    EXPECT_TRUE(came_again);
}

/// libfabric takes the end of such a connection for the errno that some other call of the thread has left.
/// Where that was "again", it waited for ever: in half of the rounds, as another thread may be there first.
TEST(FabricGreeting, AConnectionThatIsEndedInsteadOfAnsweredIsMadeAnew) {
    const auto far = start_here();
    const auto near = start_here();
    Bytes memory(4096);
    auto exposed = far->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    for (int round = 0; round < 4; ++round) {
        SCOPED_TRACE(round);
        ASSERT_NO_FATAL_FAILURE(check_that_it_tries_again(*near, far->address(), exposed->region()));
    }
}

/// As where either side was short of memory while it connected, and libfabric left it at that.
TEST(FabricGreeting, AConnectionThatIsNeverAnsweredIsMadeAnewWhereThePeerIsWell) {
    const auto far = start_here();
    const auto near = start_here();
    Bytes memory(4096);
    auto exposed = far->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    const Doorman doorman;
    const auto peer = connect_to(*near, doorman.stands_for(far->address()));
    Bytes sent(memory.size());
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    auto put = near->begin(peer, FabricFlow::kPut, {&piece, 1}, Deadline::after(30s));
    ASSERT_TRUE(put.is_ok());
    const Fd first = doorman.greeted(10s);
    EXPECT_TRUE(first.is_open());
    const Fd second = doorman.greeted(10s);
    EXPECT_TRUE(second.is_open());
    const Fd third = doorman.greeted(10s);
    EXPECT_TRUE(third.is_open()) << "of an endpoint that was opened again";
    peer->abandon(failure(Code::kPeerLost, "enough of it"));
    EXPECT_EQ((*put)->wait(Deadline::never()).code(), Code::kPeerLost);
}

}  // namespace
}  // namespace memfabric::transport
