// SPDX-License-Identifier: Apache-2.0
#include "runtime/tcp_verdict.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/status.h"
#include "transport/fabric/survey.h"

namespace memfabric {
namespace {

/// 0 where it was accepted, else errno; ETIMEDOUT where nothing came back.
int try_connect(const sockaddr_storage& address, socklen_t size, std::chrono::milliseconds patience) {
    const Fd probe(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.is_open()) {
        return errno;
    }
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    pollfd waiting{probe.get(), POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
    if (ready <= 0) {
        return ready == 0 ? ETIMEDOUT : errno;
    }
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(probe.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

const char* meaning(int error) {
    switch (error) {
        case 0:
            return "its port accepts connections, but the process does not answer: it is stopped, or very "
                   "busy";
        case ECONNREFUSED:
            return "nobody listens there: the process has ended, or a firewall rejects the port";
        case EHOSTUNREACH:
        case ENETUNREACH:
            return "no route leads there: the peer has to be told a network that both share by "
                   "MF_FABRIC_ADDRESS";
        case ETIMEDOUT:
            return "nothing comes back: a firewall drops it, the link is down, or the address is that of a "
                   "network that both do not share (MF_FABRIC_ADDRESS at the peer)";
        default:
            return "see `ip route get` and the firewall";
    }
}

}  // namespace

std::string tcp_verdict(std::string_view socket_address, std::chrono::milliseconds patience) {
    const std::string text = transport::socket_address_text(socket_address);
    if (text.empty()) {
        return "";
    }
    sockaddr_storage address{};
    std::memcpy(&address, socket_address.data(), socket_address.size());
    const int error = try_connect(address, static_cast<socklen_t>(socket_address.size()), patience);
    return fmt::format("TCP to {}: {}; {}", text, error == 0 ? "connected" : errno_text(error),
                       meaning(error));
}

}  // namespace memfabric
