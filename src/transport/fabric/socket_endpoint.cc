// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/socket_endpoint.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace memfabric::transport {
namespace {

std::optional<SocketEndpoint> endpoint_of(const sockaddr_storage& address) {
    SocketEndpoint endpoint{.family = address.ss_family};
    if (address.ss_family == AF_INET) {
        sockaddr_in ip{};
        std::memcpy(&ip, &address, sizeof ip);
        endpoint.port = ip.sin_port;
        std::memcpy(endpoint.address.data(), &ip.sin_addr, sizeof ip.sin_addr);
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 ip{};
        std::memcpy(&ip, &address, sizeof ip);
        endpoint.port = ip.sin6_port;
        std::memcpy(endpoint.address.data(), &ip.sin6_addr, sizeof ip.sin6_addr);
    }
    return endpoint.port == 0 ? std::nullopt : std::optional(endpoint);
}

template <typename Name>
std::optional<SocketEndpoint> named_by(int descriptor, const Name& name) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return name(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? endpoint_of(address)
                                                                               : std::nullopt;
}

}  // namespace

std::optional<SocketEndpoint> SocketEndpoint::of(std::string_view socket_address) {
    sockaddr_storage address{};
    std::memcpy(&address, socket_address.data(), std::min(socket_address.size(), sizeof address));
    return endpoint_of(address);
}

std::optional<SocketEndpoint> SocketEndpoint::own_of(int descriptor) {
    return named_by(descriptor, ::getsockname);
}

std::optional<SocketEndpoint> SocketEndpoint::other_of(int descriptor) {
    return named_by(descriptor, ::getpeername);
}

}  // namespace memfabric::transport
