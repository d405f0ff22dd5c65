// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/room.h"
#include "base/thread.h"
#include "observe/http_connection.h"
#include "observe/more_pages.h"
#include "observe/texts.h"

namespace memfabric::observe {
namespace {

constexpr size_t kMostConnections = 16;
constexpr int kBacklog = 16;
constexpr int kPauseWithoutDescriptors = 200;  // milliseconds

uint16_t port_of(const sockaddr_storage& address) {
    const bool is_v6 = address.ss_family == AF_INET6;
    return ntohs(is_v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                       : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Result<Fd> listen_on(const addrinfo& place, uint16_t& port) {
    Fd listener(::socket(place.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    const bool listens = listener.is_open() &&
                         ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                         ::bind(listener.get(), place.ai_addr, place.ai_addrlen) == 0 &&
                         ::listen(listener.get(), kBacklog) == 0 &&
                         ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &length) == 0;
    if (!listens) {
        return failure(errno == EADDRINUSE ? Code::kResourceInUse : Code::kStoreSocket, "{}",
                       errno_text(errno));
    }
    port = port_of(bound);
    return listener;
}

Result<Fd> listen_at(Endpoint& endpoint) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port);
    if (const int error = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found); error != 0) {
        return failure(Code::kInvalidParam, "'{}': {}", endpoint.host, ::gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> places(found, &::freeaddrinfo);
    return listen_on(*found, endpoint.port);
}

std::string own_page() {
    const Result<Reading> reading = read_own_board();
    if (!reading.is_ok()) {
        log_warn("answering Prometheus: {}", reading.status().message());
    }
    return (reading.is_ok() ? to_prometheus(*reading) : std::string()) + more_pages();
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& address,
                                                            const Options& options) {
    const auto context = [&] { return fmt::format("answering Prometheus at '{}'", address); };
    Result<Endpoint> endpoint = parse_endpoint(address, PortRule::kAnyAllowed);
    if (!endpoint.is_ok()) {
        return endpoint.status().with_context(context());
    }
    if (!is_loopback(*endpoint) && !options.flag(OptionId::kAllowPlaintext)) {
        return failure(Code::kRefused,
                       "{}: that is beyond loopback, where everybody could read the counters: use an address "
                       "of loopback, or set MF_ALLOW_PLAINTEXT=1",
                       context());
    }
    Result<Fd> listener = listen_at(*endpoint);
    if (!listener.is_ok()) {
        return listener.status().with_context(context());
    }
    Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.is_open()) {
        return failure(errno_code(errno), "{}: making a descriptor failed ({})", context(),
                       errno_text(errno));
    }
    return std::make_unique<MetricsServer>(std::move(listener).value(), std::move(wake),
                                           std::move(endpoint).value());
}

MetricsServer::MetricsServer(Fd listener, Fd wake, Endpoint endpoint)
    : listener_(std::move(listener)),
      wake_(std::move(wake)),
      endpoint_(std::move(endpoint)),
      thread_(start_thread("mf-metrics", [this](const std::stop_token& stop) { run(stop); })) {}

MetricsServer::~MetricsServer() = default;

void MetricsServer::run(const std::stop_token& stop) const {
    const std::stop_callback wake_up(stop, [this] {
        const uint64_t one = 1;
        static_cast<void>(::write(wake_.get(), &one, sizeof one));
    });
    std::vector<HttpConnection> connections;
    std::vector<pollfd> waiting;
    while (!stop.stop_requested()) {
        const bool has_room = connections.size() < kMostConnections;
        waiting = {{wake_.get(), POLLIN, 0}, {listener_.get(), static_cast<short>(has_room ? POLLIN : 0), 0}};
        Deadline until = Deadline::never();
        for (const HttpConnection& connection : connections) {
            waiting.push_back({connection.descriptor(), connection.events(), 0});
            until = until.sooner(connection.deadline());
        }
        const int most = connections.empty() ? -1 : until.poll_timeout();
        if (::poll(waiting.data(), waiting.size(), most) < 0 && errno != EINTR) {
            log_warn("no longer answering Prometheus: {}", errno_text(errno));
            return;
        }
        size_t place = 2;
        std::erase_if(connections, [&](HttpConnection& connection) {
            const bool is_ready = waiting[place++].revents != 0;
            return (is_ready && !connection.go_on(own_page)) || connection.deadline().expired();
        });
        if ((waiting[1].revents & POLLIN) != 0) {
            Fd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (accepted.is_open()) {
                connections.emplace_back(std::move(accepted));
            } else if (has_no_room_for_caller(errno)) {
                static_cast<void>(::poll(waiting.data(), 1, kPauseWithoutDescriptors));
            }
        }
    }
}

}  // namespace memfabric::observe
