// SPDX-License-Identifier: Apache-2.0
#include "store/sockets.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/socket_options.h"
#include "base/thread.h"

namespace memfabric::store {
namespace {

constexpr int kKeepaliveProbes = 5;  // unanswered ones before the kernel gives a host up

struct Lookup {
    int error = 0;
    std::vector<SocketAddress> addresses;
};

Lookup look_up(const std::string& host, uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    Lookup result;
    result.error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    for (const addrinfo* next = list; next != nullptr; next = next->ai_next) {
        SocketAddress address;
        std::memcpy(&address.storage, next->ai_addr, next->ai_addrlen);
        address.length = next->ai_addrlen;
        result.addresses.push_back(address);
    }
    return result;
}

/// The resolver may take longer than anybody wants to wait, so it works on a thread of its own, which then
/// ends by itself.
std::optional<Lookup> look_up_by(const Endpoint& endpoint, Deadline deadline) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable done;
        std::optional<Lookup> result;
    };
    const auto shared = std::make_shared<Shared>();
    start_thread("mf-resolve", [shared, endpoint](const std::stop_token&) {
        Lookup result = look_up(endpoint.host, endpoint.port, AI_ADDRCONFIG);
        if (result.error != 0) {
            result = look_up(endpoint.host, endpoint.port, 0);  // a machine with loopback alone
        }
        const std::lock_guard lock(shared->mutex);
        shared->result = std::move(result);
        shared->done.notify_all();
    }).detach();
    std::unique_lock lock(shared->mutex);
    const auto is_done = [&] { return shared->result.has_value(); };
    if (deadline.is_never()) {
        shared->done.wait(lock, is_done);
    } else {
        shared->done.wait_until(lock, deadline.when(), is_done);
    }
    return shared->result;
}

}  // namespace

uint16_t SocketAddress::port() const {
    return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                               : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

void SocketAddress::set_port(uint16_t port) {
    if (storage.ss_family == AF_INET6) {
        reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
    }
}

std::string SocketAddress::host_text() const {
    char text[NI_MAXHOST] = {};
    if (::getnameinfo(get(), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
        return {};
    }
    return text;
}

Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint, Deadline deadline) {
    Lookup lookup = look_up(endpoint.host, endpoint.port, AI_NUMERICHOST);
    if (lookup.error == EAI_NONAME) {
        std::optional<Lookup> by_name = look_up_by(endpoint, deadline);
        if (!by_name) {
            return failure(Code::kTimeout, "the address of host '{}' was not found by the deadline",
                           endpoint.host);
        }
        lookup = std::move(*by_name);
    }
    if (lookup.error != 0 || lookup.addresses.empty()) {
        const Code code = lookup.error == EAI_AGAIN ? Code::kTimeout : Code::kInvalidParam;
        return failure(code, "host '{}' has no address: {}", endpoint.host, ::gai_strerror(lookup.error));
    }
    return std::move(lookup.addresses);
}

Result<Fd> listen_on(const SocketAddress& address) {
    Fd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        const Code code = errno_code(errno);
        return failure(code == Code::kMallocFailed ? code : Code::kStoreSocket, "no socket could be made, {}",
                       errno_text(errno));
    }
    set_socket_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(socket.get(), address.get(), address.length) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
        const int error = errno;
        const Code code = error == EADDRINUSE ? Code::kResourceInUse : Code::kStoreSocket;
        const char* advice = error == EADDRINUSE      ? "; another process listens there: choose another port"
                             : error == EADDRNOTAVAIL ? "; it is no address of this machine"
                             : error == EACCES        ? "; ports below 1024 need privileges"
                                                      : "";
        return failure(code, "{} port {} cannot be listened on, {}{}", address.host_text(), address.port(),
                       errno_text(error), advice);
    }
    return socket;
}

SocketAddress local_address_of(int descriptor) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
        address.length = 0;
    }
    return address;
}

ConnectState begin_connect(const SocketAddress& address, Fd& socket) {
    socket = Fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return ConnectState::kFailed;
    }
    if (::connect(socket.get(), address.get(), address.length) == 0) {
        return ConnectState::kConnected;
    }
    return errno == EINPROGRESS ? ConnectState::kInProgress : ConnectState::kFailed;
}

std::chrono::seconds keepalive_period(std::chrono::milliseconds silent) {
    constexpr int64_t kLongest = 600;
    return std::chrono::seconds(
        std::clamp<int64_t>(silent.count() / 1000 / (kKeepaliveProbes + 1), 1, kLongest));
}

void tune_stream(int descriptor, std::chrono::milliseconds silent) {
    set_socket_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    keep_asking(descriptor, keepalive_period(silent));
    set_socket_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

HostSign last_sign_of_host(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    int queued = 0;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        ::ioctl(descriptor, SIOCOUTQ, &queued) != 0) {
        return {};
    }
    // A process that takes nothing has its host say so to ever rarer questions of the kernel.
    constexpr int kMissed = 2;
    if (queued > 0 && info.tcpi_unacked == 0 && info.tcpi_probes < kMissed) {
        return {};
    }
    return {std::chrono::milliseconds(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv)),
            info.tcpi_unacked != 0};
}

}  // namespace memfabric::store
