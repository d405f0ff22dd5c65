// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_sockets.h"

#include <sys/socket.h>

#include <optional>

#include "transport/fabric/own_sockets.h"
#include "transport/fabric/socket_endpoint.h"

namespace memfabric::transport {

bool break_off(int descriptor) {
    const linger at_once{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return ::shutdown(descriptor, SHUT_RDWR) == 0;
}

int break_connections_to(std::string_view socket_address) {
    const std::optional<SocketEndpoint> wanted = SocketEndpoint::of(socket_address);
    if (!wanted) {
        return 0;
    }
    int broken = 0;
    for (const OwnSocket& socket : own_sockets()) {
        const Fd held = hold(socket);
        if (held.is_open() && SocketEndpoint::other_of(held.get()) == wanted && break_off(held.get())) {
            ++broken;
        }
    }
    return broken;
}

}  // namespace memfabric::transport
