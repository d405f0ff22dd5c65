// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace demo {

Channel::Channel(Channel&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Channel& Channel::operator=(Channel&& other) noexcept {
    if (this != &other) {
        close();
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

void Channel::close() {
    if (descriptor_ >= 0) {
        ::close(std::exchange(descriptor_, -1));
    }
}

bool Channel::send(const Message& message) const {
    return ::send(descriptor_, &message, sizeof(message), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(sizeof(message));
}

bool Channel::send(Kind kind) const {
    Message message;
    message.kind = kind;
    return send(message);
}

std::optional<Message> Channel::receive() const {
    Message message;
    ssize_t size = 0;
    do {
        size = ::recv(descriptor_, &message, sizeof(message), 0);
    } while (size < 0 && errno == EINTR);
    if (size != static_cast<ssize_t>(sizeof(message))) {
        return std::nullopt;
    }
    message.text.back() = '\0';
    return message;
}

ChannelPair make_channel() {
    std::array<int, 2> ends = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a socket for a rank");
    }
    return {Channel(ends[0]), Channel(ends[1])};
}

Message failure_message(const std::string& text) {
    Message message;
    std::copy_n(text.begin(), std::min(text.size(), message.text.size() - 1), message.text.begin());
    return message;
}

}  // namespace demo
