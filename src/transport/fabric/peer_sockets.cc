// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_sockets.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>

#include "base/socket_options.h"
#include "transport/fabric/own_sockets.h"
#include "transport/fabric/socket_endpoint.h"

namespace memfabric::transport {
namespace {

constexpr std::chrono::seconds kAskAfter{1};  // without a sign, and between questions
constexpr int kMostQuestions = 5;

/// Calls `use` with each connection of this process whose other end is the socket address.
template <typename Use>
void for_connections_with(std::string_view socket_address, const Use& use) {
    const std::optional<SocketEndpoint> wanted = SocketEndpoint::of(socket_address);
    if (!wanted) {
        return;
    }
    for_own_sockets([&](int descriptor, const OwnSocket&) {
        if (SocketEndpoint::other_of(descriptor) == wanted) {
            use(descriptor);
        }
    });
}

}  // namespace

bool break_off(int descriptor) {
    const linger at_once{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return ::shutdown(descriptor, SHUT_RDWR) == 0;
}

int break_connections_to(std::string_view socket_address) {
    int broken = 0;
    for_connections_with(socket_address, [&](int connection) { broken += break_off(connection) ? 1 : 0; });
    return broken;
}

void notice_dead_connections_with(std::string_view socket_address) {
    for_connections_with(socket_address, [](int connection) {
        keep_asking(connection, kAskAfter);
        set_socket_option(connection, IPPROTO_TCP, TCP_KEEPCNT, kMostQuestions);
    });
}

}  // namespace memfabric::transport
