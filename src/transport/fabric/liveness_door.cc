// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/liveness_door.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/attempt.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/room.h"
#include "store/wire.h"
#include "transport/fabric/incoming_connections.h"

namespace memfabric::transport {
namespace {

// As many peers as a process can have in the largest pool.
constexpr int kBacklog = 1024;
constexpr rlim_t kShareOfDescriptors = 8;
constexpr int kEventsAtOnce = 16;
// Whoever knocks without end keeps the thread from its messages no longer than that.
constexpr int kKnocksAtOnce = 64;
// How long to wait for a descriptor to become free in this process.
constexpr std::chrono::milliseconds kDescriptorPause{100};

Status failed(const char* attempted) {
    return failure(errno_code(errno), "the fabric's door for peers that wait: {} failed: {}", attempted,
                   errno_text(errno));
}

size_t most_visitors() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const rlim_t share = std::max<rlim_t>(files.rlim_cur / kShareOfDescriptors, 1);
    return static_cast<size_t>(std::min<rlim_t>(share, LivenessDoor::kMostVisitors));
}

/// The ports that libfabric keeps its own to, and that firewalls are open for.
struct PortRange {
    unsigned lowest = 0;
    unsigned highest = 0;
    unsigned count() const { return highest - lowest + 1; }
};

unsigned number_of(const char* variable) {
    const char* text = environment_variable(variable);
    unsigned number = 0;
    if (text != nullptr) {
        std::from_chars(text, text + std::strlen(text), number);
    }
    return number;
}

/// One port, 0 for the kernel's choice, where none is wanted.
PortRange wanted_ports() {
    const PortRange wanted{number_of("FI_TCP_PORT_LOW_RANGE"), number_of("FI_TCP_PORT_HIGH_RANGE")};
    const bool good = wanted.lowest > 0 && wanted.lowest <= wanted.highest && wanted.highest <= UINT16_MAX;
    return good ? wanted : PortRange{};
}

void set_port(sockaddr_storage& address, unsigned port) {
    const in_port_t number = htons(static_cast<uint16_t>(port));
    if (address.ss_family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address).sin_port = number;
    } else {
        reinterpret_cast<sockaddr_in6&>(address).sin6_port = number;
    }
}

/// Binds to a port of the range, beginning anywhere in it.
bool bind_within(const PortRange& ports, int socket, sockaddr_storage& address, socklen_t size,
                 uint64_t first) {
    for (unsigned i = 0; i < ports.count(); ++i) {
        set_port(address, ports.lowest + static_cast<unsigned>((first + i) % ports.count()));
        if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) {
            return true;
        }
        if (errno != EADDRINUSE) {
            return false;
        }
    }
    return false;
}

/// As much of the address as its family has; none where it is not of IP.
std::string address_of_ip(std::string_view address) {
    sockaddr_storage storage{};
    if (address.size() > sizeof storage) {
        return {};
    }
    std::memcpy(&storage, address.data(), address.size());
    const bool v4 = storage.ss_family == AF_INET && address.size() >= sizeof(sockaddr_in);
    const bool v6 = storage.ss_family == AF_INET6 && address.size() >= sizeof(sockaddr_in6);
    if (!v4 && !v6) {
        return {};
    }
    return {reinterpret_cast<const char*>(&storage), v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)};
}

}  // namespace

Result<std::unique_ptr<LivenessDoor>> LivenessDoor::open(std::string_view like, uint64_t instance) {
    const std::string wanted = address_of_ip(like);
    if (wanted.empty()) {
        return std::unique_ptr<LivenessDoor>();
    }
    MF_ASSIGN_OR_RETURN(store::WakeTimer pause_end, store::WakeTimer::create());
    std::unique_ptr<LivenessDoor> door(new LivenessDoor(instance, std::move(pause_end)));
    MF_RETURN_IF_ERROR(door->listen(wanted));
    return door;
}

Status LivenessDoor::listen(std::string_view like) {
    sockaddr_storage address{};
    std::memcpy(&address, like.data(), like.size());
    auto size = static_cast<socklen_t>(like.size());
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    listener_ = Fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    events_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!listener_.is_open() || !events_.is_open()) {
        return failed("opening it");
    }
    if (!bind_within(wanted_ports(), listener_.get(), address, size, instance_) ||
        ::listen(listener_.get(), kBacklog) != 0 || ::getsockname(listener_.get(), plain, &size) != 0) {
        return failed("listening");
    }
    address_.assign(reinterpret_cast<const char*>(&address), size);
    // A visitor whose host is gone would stay.
    notice_dead_connections_of(listener_.get());
    MF_RETURN_IF_ERROR(watch(EPOLL_CTL_ADD, pause_end_.descriptor(), kPauseEnd, EPOLLIN));
    return watch(EPOLL_CTL_ADD, listener_.get(), kListener, EPOLLIN);
}

Status LivenessDoor::watch(int operation, int descriptor, uint64_t number, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = number;
    return ::epoll_ctl(events_.get(), operation, descriptor, &event) == 0 ? Status() : failed("watching");
}

void LivenessDoor::serve() {
    std::array<epoll_event, kEventsAtOnce> events{};
    const int count = ::epoll_wait(events_.get(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < count; ++i) {
        const uint64_t number = events[static_cast<size_t>(i)].data.u64;
        if (number == kListener) {
            let_in();
        } else if (number == kPauseEnd) {
            end_pause();
        } else {
            visitors_.erase(number);  // it went; nobody has anything to say here
        }
    }
}

void LivenessDoor::let_in() {
    for (int i = 0; i < kKnocksAtOnce; ++i) {
        Fd visitor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (visitor.is_open()) {
            if (!is_let_in(std::move(visitor))) {
                pause();
                return;
            }
        } else if (has_no_room_for_caller(errno)) {
            if (!std::exchange(has_warned_, true)) {
                log_warn(
                    "fabric: peers that wait for this process are not let in at its door, {}; {} visitors "
                    "are "
                    "inside. Where the limit is high enough, somebody connects to the fabric's ports who "
                    "should not",
                    errno_text(errno), visitors_.size());
            }
            pause();
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/// False where there is no memory for one more.
bool LivenessDoor::is_let_in(Fd visitor) {
    for (const size_t most = most_visitors(); visitors_.size() >= most;) {
        visitors_.erase(visitors_.begin());  // it knocks again if it still wants to know
    }
    return did_with_memory([&] {
        const std::string greeting = store::encode(instance_);
        const bool greeted = ::send(visitor.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL) ==
                             static_cast<ssize_t>(greeting.size());
        if (greeted && watch(EPOLL_CTL_ADD, visitor.get(), next_number_, EPOLLIN).is_ok()) {
            visitors_.emplace(next_number_++, std::move(visitor));
        }
    });
}

/// Who knocks stays in the queue, and would be reported again and again.
void LivenessDoor::pause() {
    if (watch(EPOLL_CTL_MOD, listener_.get(), kListener, 0).is_ok()) {
        pause_end_.set(kDescriptorPause);
    }
}

void LivenessDoor::end_pause() {
    pause_end_.clear();
    static_cast<void>(watch(EPOLL_CTL_MOD, listener_.get(), kListener, EPOLLIN));
}

}  // namespace memfabric::transport
