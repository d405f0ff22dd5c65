// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/incoming_connections.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "loopback_listener.h"

namespace memfabric::transport {
namespace {

using test::LoopbackListener;

int option(const Fd& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0);
    return value;
}

TEST(IncomingConnections, AreAskedWhetherTheyAreDead) {
    LoopbackListener listener;
    notice_dead_connections_to(listener.address());
    listener.connect();
    const Fd& accepted = listener.accepted();
    EXPECT_EQ(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
}

TEST(IncomingConnections, OfOthersAreLeftAlone) {
    LoopbackListener listener;
    LoopbackListener other;
    notice_dead_connections_to(other.address());
    notice_dead_connections_to("no address of IP");
    listener.connect();
    EXPECT_EQ(option(listener.accepted(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

}  // namespace
}  // namespace memfabric::transport
