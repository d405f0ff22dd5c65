// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/socket_options.h"
#include "store/wire.h"

namespace memfabric::transport {
namespace {

constexpr std::chrono::milliseconds kKnockAgain{100};
// The kernel would ask ever more rarely, and find late that a link is back.
constexpr std::chrono::seconds kLongestKnock{2};

bool is_ready(int socket, short events) {
    pollfd wait{socket, events, 0};
    return ::poll(&wait, 1, 0) > 0;
}

}  // namespace

PeerWatch::PeerWatch(std::string name, std::string door, std::string from, uint64_t instance,
                     std::chrono::milliseconds silence)
    : name_(std::move(name)),
      door_(door.size() <= sizeof(sockaddr_storage) ? std::move(door) : std::string()),
      from_(std::move(from)),
      instance_(instance),
      silence_(silence) {}

std::optional<PeerWatch::Clock::time_point> PeerWatch::last_sign() const {
    const std::scoped_lock guard(mutex_);
    return host_answered_;
}

bool PeerWatch::is_inside() const {
    const std::scoped_lock guard(mutex_);
    return state_ == State::kInside;
}

Status PeerWatch::look() {
    if (!can_learn()) {
        return {};
    }
    const std::scoped_lock guard(mutex_);
    if (state_ == State::kAway) {
        knock();
    }
    if (state_ == State::kKnocking) {
        MF_RETURN_IF_ERROR(see_who_answers());
    }
    return state_ == State::kInside ? listen_inside() : Status();
}

void PeerWatch::go_away() {
    socket_.reset();
    state_ = State::kAway;
    knock_at_ = Clock::now() + kKnockAgain;
}

Status PeerWatch::ended() const {
    return failure(Code::kPeerLost, "{}: its process has ended: nobody listens at its address any more",
                   name_);
}

bool PeerWatch::leave_from_own_address() const {
    sockaddr_storage own{};
    std::memcpy(&own, door_.data(), door_.size());
    if (own.ss_family == AF_INET) {
        auto& four = reinterpret_cast<sockaddr_in&>(own);
        four.sin_port = 0;
        return ::inet_pton(AF_INET, from_.c_str(), &four.sin_addr) == 1 &&
               ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&four), sizeof four) == 0;
    }
    auto& six = reinterpret_cast<sockaddr_in6&>(own);
    six.sin6_port = 0;
    return ::inet_pton(AF_INET6, from_.c_str(), &six.sin6_addr) == 1 &&
           ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&six), sizeof six) == 0;
}

void PeerWatch::knock() {
    if (Clock::now() < knock_at_) {
        return;
    }
    knocked_at_ = Clock::now();
    sockaddr_storage address{};
    std::memcpy(&address, door_.data(), door_.size());
    socket_ = Fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.is_open() || (!from_.empty() && !leave_from_own_address())) {
        go_away();
        return;
    }
    // The kernel asks the other one while the connection is idle, and goes on for as long as we do.
    keep_asking(socket_.get(), std::chrono::seconds(1));
    set_socket_option(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence_.count()));
    static_cast<void>(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                                static_cast<socklen_t>(door_.size())));
    state_ = State::kKnocking;  // what became of it, the socket tells
}

Status PeerWatch::see_who_answers() {
    if (!is_ready(socket_.get(), POLLOUT)) {
        if (Clock::now() - knocked_at_ > kLongestKnock) {
            go_away();
        }
        return {};
    }
    int error = 0;
    socklen_t size = sizeof error;
    static_cast<void>(::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size));
    if (error == ECONNREFUSED) {
        go_away();
        return ended();
    }
    if (error != 0) {
        go_away();  // no route, no answer: it is the silence that counts
        return {};
    }
    state_ = State::kInside;
    return {};
}

Status PeerWatch::listen_inside() {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        const std::chrono::milliseconds ago(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv));
        const Clock::time_point then = Clock::now() - ago;
        host_answered_ = std::max(host_answered_.value_or(then), then);
    }
    std::array<char, sizeof(uint64_t)> greeting{};
    const ssize_t count = ::recv(socket_.get(), greeting.data(), greeting.size(), 0);
    if (count < 0 && errno == EAGAIN) {
        return {};
    }
    if (count == static_cast<ssize_t>(greeting.size())) {
        const auto said = store::decode<uint64_t>({greeting.data(), greeting.size()});
        const bool same = said.is_ok() && *said == instance_;
        return same ? Status()
                    : failure(Code::kPeerLost, "{}: its process has ended: another one is at its address",
                              name_);
    }
    go_away();  // it closed the door: whether it is still there, the next knock tells
    knock_at_ = Clock::now();
    return {};
}

}  // namespace memfabric::transport
