// SPDX-License-Identifier: Apache-2.0
#include "local/raw_ping_pong.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace memfabric::bench {
namespace {

constexpr int kBacklog = 256;

[[noreturn]] void fail_with_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void send_at_once(int descriptor) {
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

/// The socket lives as long as its process.
int listen_anywhere(const ServerProcess::Announce& announce) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener, kBacklog) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        fail_with_errno("listening on 127.0.0.1");
    }
    announce(ntohs(address.sin_port));
    return listener;
}

/// Sends one whole message back; false where the connection ended.
bool echo(int descriptor) {
    std::array<char, kPingSize> message{};
    return recv(descriptor, message.data(), message.size(), MSG_WAITALL) ==
               static_cast<ssize_t>(message.size()) &&
           send(descriptor, message.data(), message.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(message.size());
}

}  // namespace

void serve_blocking(const ServerProcess::Announce& announce) {
    const int listener = listen_anywhere(announce);
    for (int connection = 0; (connection = accept(listener, nullptr, nullptr)) >= 0; close(connection)) {
        send_at_once(connection);
        while (echo(connection)) {
        }
    }
    fail_with_errno("accept");
}

void serve_by_epoll(const ServerProcess::Announce& announce) {
    const int listener = listen_anywhere(announce);
    const int poller = epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [&](int descriptor) {
        epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
        epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    };
    watch(listener);
    std::array<epoll_event, 64> events{};
    for (int count = 0; (count = epoll_wait(poller, events.data(), events.size(), -1)) >= 0;) {
        for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            const int descriptor = events.at(i).data.fd;
            if (descriptor == listener) {
                const int connection = accept(listener, nullptr, nullptr);
                send_at_once(connection);
                watch(connection);
            } else if (!echo(descriptor)) {
                close(descriptor);
            }
        }
    }
    fail_with_errno("epoll_wait");
}

PingClient::PingClient(uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    if (descriptor_ < 0 ||
        connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        fail_with_errno("connecting to the raw server");
    }
    send_at_once(descriptor_);
}

PingClient::~PingClient() {
    close(descriptor_);
}

void PingClient::ping() const {
    std::array<char, kPingSize> message{};
    if (send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(message.size()) ||
        recv(descriptor_, message.data(), message.size(), MSG_WAITALL) !=
            static_cast<ssize_t>(message.size())) {
        fail_with_errno("a raw ping-pong");
    }
}

}  // namespace memfabric::bench
