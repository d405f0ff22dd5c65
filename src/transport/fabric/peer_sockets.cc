// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "transport/fabric/own_sockets.h"

namespace memfabric::transport {
namespace {

/// Ports and addresses alone: the rest of a socket address may hold anything.
bool same_endpoint(const sockaddr_storage& one, const sockaddr_storage& other) {
    if (one.ss_family != other.ss_family) {
        return false;
    }
    if (one.ss_family == AF_INET) {
        sockaddr_in a{};
        sockaddr_in b{};
        std::memcpy(&a, &one, sizeof a);
        std::memcpy(&b, &other, sizeof b);
        return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    if (one.ss_family == AF_INET6) {
        sockaddr_in6 a{};
        sockaddr_in6 b{};
        std::memcpy(&a, &one, sizeof a);
        std::memcpy(&b, &other, sizeof b);
        return a.sin6_port == b.sin6_port && std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    }
    return false;
}

bool is_connected_to(int descriptor, const sockaddr_storage& wanted) {
    sockaddr_storage other{};
    socklen_t size = sizeof other;
    return ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &size) == 0 &&
           same_endpoint(other, wanted);
}

}  // namespace

bool break_off(int descriptor) {
    const linger at_once{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return ::shutdown(descriptor, SHUT_RDWR) == 0;
}

int break_connections_to(std::string_view socket_address) {
    sockaddr_storage wanted{};
    if (socket_address.size() > sizeof wanted) {
        return 0;
    }
    std::memcpy(&wanted, socket_address.data(), socket_address.size());
    int broken = 0;
    for (const OwnSocket& socket : own_sockets()) {
        const Fd held = hold(socket);
        if (held.is_open() && is_connected_to(held.get(), wanted) && break_off(held.get())) {
            ++broken;
        }
    }
    return broken;
}

}  // namespace memfabric::transport
