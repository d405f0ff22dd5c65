// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/incoming_connections.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

#include "base/fd.h"

namespace memfabric::transport {
namespace {

struct Listener {
    Listener() {
        own.sin_family = AF_INET;
        own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(socket.get(), bytes(), size), 0);
        EXPECT_EQ(::listen(socket.get(), 1), 0);
        EXPECT_EQ(::getsockname(socket.get(), bytes(), &size), 0);
    }

    sockaddr* bytes() { return reinterpret_cast<sockaddr*>(&own); }
    std::string address() { return {reinterpret_cast<const char*>(&own), size}; }

    /// A connection that was made to it.
    Fd accepted() {
        caller = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(caller.get(), bytes(), size), 0);
        return Fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in own{};
    socklen_t size = sizeof own;
    Fd caller;
};

int option(const Fd& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0);
    return value;
}

TEST(IncomingConnections, AreAskedWhetherTheyAreDead) {
    Listener listener;
    notice_dead_connections_to(listener.address());
    const Fd accepted = listener.accepted();
    EXPECT_EQ(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
}

TEST(IncomingConnections, OfOthersAreLeftAlone) {
    Listener listener;
    Listener other;
    notice_dead_connections_to(other.address());
    notice_dead_connections_to("no address of IP");
    EXPECT_EQ(option(listener.accepted(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

}  // namespace
}  // namespace memfabric::transport
