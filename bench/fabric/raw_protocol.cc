// SPDX-License-Identifier: Apache-2.0
#include "fabric/raw_protocol.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace memfabric::bench {
namespace {

/// Takes `moved` bytes off the front.
void advance(msghdr& message, size_t moved) {
    while (message.msg_iovlen > 0 && moved >= message.msg_iov->iov_len) {
        moved -= message.msg_iov->iov_len;
        ++message.msg_iov;
        --message.msg_iovlen;
    }
    if (moved > 0) {
        message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + moved;
        message.msg_iov->iov_len -= moved;
    }
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void send_at_once(int descriptor) {
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void send_whole(int descriptor, std::vector<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    while (message.msg_iovlen > 0) {
        const ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            fail("sending to the raw target");
        }
        advance(message, static_cast<size_t>(sent));
    }
}

bool receive_whole(int descriptor, std::vector<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    while (message.msg_iovlen > 0) {
        const ssize_t received = recvmsg(descriptor, &message, MSG_WAITALL);
        if (received == 0) {
            return false;
        }
        if (received < 0) {
            fail("receiving from the raw connection");
        }
        advance(message, static_cast<size_t>(received));
    }
    return true;
}

void send_whole(int descriptor, const void* data, size_t size) {
    send_whole(descriptor, {{const_cast<void*>(data), size}});
}

bool receive_whole(int descriptor, void* data, size_t size) {
    return receive_whole(descriptor, {{data, size}});
}

bool receive_patient(int descriptor, void* data, size_t size) {
    constexpr std::chrono::microseconds kSpin{20};
    auto* const bytes = static_cast<char*>(data);
    const auto spin_until = std::chrono::steady_clock::now() + kSpin;
    size_t have = 0;
    while (have < size && std::chrono::steady_clock::now() < spin_until) {
        const ssize_t received = recv(descriptor, bytes + have, size - have, MSG_DONTWAIT);
        if (received == 0) {
            return false;
        }
        if (received < 0 && errno != EAGAIN) {
            fail("receiving from the raw connection");
        }
        have += static_cast<size_t>(std::max<ssize_t>(received, 0));
    }
    return have == size || receive_whole(descriptor, bytes + have, size - have);
}

}  // namespace memfabric::bench
