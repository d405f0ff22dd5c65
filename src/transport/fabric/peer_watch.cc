// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_watch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "store/wire.h"

namespace memfabric::transport {
namespace {

constexpr std::chrono::milliseconds kKnockAgain{100};
// The kernel asks each second, and one question may be lost.
constexpr std::chrono::milliseconds kHostAnswersWithin{2500};

template <typename T>
void set_option(int socket, int level, int name, T value) {
    static_cast<void>(::setsockopt(socket, level, name, &value, sizeof value));
}

bool is_ready(int socket, short events) {
    pollfd wait{socket, events, 0};
    return ::poll(&wait, 1, 0) > 0;
}

}  // namespace

PeerWatch::PeerWatch(std::string name, std::string door, uint64_t instance, std::chrono::milliseconds silence,
                     PeerPatience patience)
    : name_(std::move(name)),
      door_(std::move(door)),
      instance_(instance),
      silence_(silence),
      patience_(patience),
      host_answered_(Clock::now()),
      notices_(patience.notice) {}

Status PeerWatch::look(Clock::time_point heard) {
    if (door_.empty() || door_.size() > sizeof(sockaddr_storage)) {
        return {};
    }
    const std::scoped_lock guard(mutex_);
    MF_RETURN_IF_ERROR(look_locked());
    if (notices_.is_due()) {
        const std::string text = doubts_locked(heard);
        if (!text.empty()) {
            log_warn("waiting for {}, which {}", name_, text);
        }
    }
    const auto silent = Clock::now() - std::max(heard, host_answered_);
    if (silent < silence_) {
        return {};
    }
    return failure(
        Code::kPeerLost,
        "{}: its host gave no sign for {} ms: the link or the host is down (MF_FABRIC_PEER_TIMEOUT "
        "says how long that may last)",
        name_, std::chrono::duration_cast<std::chrono::milliseconds>(silent).count());
}

std::string PeerWatch::doubts(Clock::time_point heard) {
    const std::scoped_lock guard(mutex_);
    return doubts_locked(heard);
}

std::string PeerWatch::doubts_locked(Clock::time_point heard) const {
    const auto now = Clock::now();
    if (now - heard < patience_.suspect) {
        return {};
    }
    const std::chrono::duration<double> silent = now - heard;
    const bool host_answers =
        state_ == State::kInside && now - host_answered_ < std::max(patience_.suspect, kHostAnswersWithin);
    return fmt::format("has given no sign for {:.1f} s ({})", silent.count(),
                       host_answers ? "its host answers: it is stopped, or too busy"
                                    : "neither has its host: the link or the host is down");
}

Status PeerWatch::look_locked() {
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

void PeerWatch::knock() {
    if (Clock::now() < knock_at_) {
        return;
    }
    sockaddr_storage address{};
    std::memcpy(&address, door_.data(), door_.size());
    socket_ = Fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.is_open()) {
        go_away();
        return;
    }
    // The kernel asks the other one while the connection is idle, and goes on for as long as we do.
    set_option(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket_.get(), IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set_option(socket_.get(), IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set_option(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(silence_.count()));
    static_cast<void>(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                                static_cast<socklen_t>(door_.size())));
    state_ = State::kKnocking;  // what became of it, the socket tells
}

Status PeerWatch::see_who_answers() {
    if (!is_ready(socket_.get(), POLLOUT)) {
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
        host_answered_ = std::max(host_answered_, Clock::now() - ago);
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
