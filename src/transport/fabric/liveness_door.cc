// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/liveness_door.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "store/wire.h"

namespace memfabric::transport {
namespace {

// As many peers as a process can have in the largest pool.
constexpr int kBacklog = 1024;
constexpr size_t kMostVisitors = 4096;
constexpr int kEventsAtOnce = 16;

Status failed(const char* attempted) {
    return failure(errno_code(errno), "the fabric's door for peers that wait: {} failed: {}", attempted,
                   errno_text(errno));
}

/// The ports that libfabric keeps its own to, and that firewalls are open for.
struct PortRange {
    unsigned lowest = 0;
    unsigned highest = 0;
    unsigned count() const { return highest - lowest + 1; }
};

unsigned number_of(const char* variable) {
    const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): as libfabric reads it
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
    std::unique_ptr<LivenessDoor> door(new LivenessDoor(instance));
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
    return add(listener_.get());
}

Status LivenessDoor::add(int descriptor) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ? Status() : failed("watching");
}

void LivenessDoor::serve() {
    std::array<epoll_event, kEventsAtOnce> events{};
    const int count = ::epoll_wait(events_.get(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<size_t>(i)].data.fd;
        if (descriptor == listener_.get()) {
            let_in();
        } else {
            visitors_.erase(descriptor);  // it went; nobody has anything to say here
        }
    }
}

void LivenessDoor::let_in() {
    for (;;) {
        Fd visitor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!visitor.is_open()) {
            return;
        }
        if (visitors_.size() >= kMostVisitors) {
            visitors_.erase(visitors_.begin());  // it knocks again if it still wants to know
        }
        const std::string greeting = store::encode(instance_);
        const bool greeted = ::send(visitor.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL) ==
                             static_cast<ssize_t>(greeting.size());
        if (greeted && add(visitor.get()).is_ok()) {
            const int descriptor = visitor.get();
            visitors_[descriptor] = std::move(visitor);
        }
    }
}

}  // namespace memfabric::transport
