// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace memfabric::transport {

/// Address and port of one end of a connection over IP, or of what listens. The rest of a socket address may
/// hold anything. Two interfaces may have the same port, each for itself: a port alone names nothing.
struct SocketEndpoint {
    /// Of a socket address's bytes; none where they are not of IP, or have no port.
    static std::optional<SocketEndpoint> of(std::string_view socket_address);
    /// This end of a socket, and the other one.
    static std::optional<SocketEndpoint> own_of(int descriptor);
    static std::optional<SocketEndpoint> other_of(int descriptor);

    bool operator==(const SocketEndpoint&) const = default;

    sa_family_t family = AF_UNSPEC;
    in_port_t port = 0;  // in the network's order
    std::array<uint8_t, sizeof(in6_addr)> address{};
};

}  // namespace memfabric::transport
