// SPDX-License-Identifier: Apache-2.0
#include "base/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace memfabric {

void set_socket_option(int socket, int level, int name, int value) {
    static_cast<void>(::setsockopt(socket, level, name, &value, sizeof value));
}

void keep_asking(int socket, std::chrono::seconds period) {
    const int seconds = static_cast<int>(period.count());
    set_socket_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_socket_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set_socket_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
}

}  // namespace memfabric
