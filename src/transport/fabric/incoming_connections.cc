// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/incoming_connections.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/socket_options.h"
#include "transport/fabric/own_sockets.h"
#include "transport/fabric/peer_sockets.h"

namespace memfabric::transport {
namespace {

// The provider closes a broken connection when it looks at it next.
constexpr std::chrono::seconds kClosingTakes{2};
constexpr std::chrono::microseconds kLookAgain{200};

// What is idle asks the other host each second; one that has dropped the connection says so.
constexpr std::chrono::seconds kAskEvery{1};
// What is not acknowledged is repeated ever more rarely: after an outage, at worst, for as long again as that
// lasted. The kernel counts it for what the other one does not take, too: who stood still for so long
// connects anew and tries again.
constexpr int kDeadAfter = 5000;  // milliseconds

std::vector<SocketEndpoint> endpoints_of(std::span<const std::string> addresses) {
    std::vector<SocketEndpoint> endpoints;
    for (const std::string& bytes : addresses) {
        if (const auto endpoint = SocketEndpoint::of(bytes)) {
            endpoints.push_back(*endpoint);
        }
    }
    return endpoints;
}

bool is_listening_at(int descriptor, const SocketEndpoint& own) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           SocketEndpoint::own_of(descriptor) == own;
}

std::set<ino_t> break_all_at(std::span<const SocketEndpoint> own) {
    std::set<ino_t> broken;
    for_own_sockets([&](int descriptor, const OwnSocket& socket) {
        if (is_connected_at(descriptor, own) && break_off(descriptor)) {
            broken.insert(socket.inode);
        }
    });
    return broken;
}

bool is_any_open(const std::set<ino_t>& sockets) {
    return std::ranges::any_of(own_sockets(),
                               [&](const OwnSocket& socket) { return sockets.contains(socket.inode); });
}

}  // namespace

bool is_connected_at(int descriptor, std::span<const SocketEndpoint> own) {
    const auto here = SocketEndpoint::own_of(descriptor);
    return here && std::ranges::count(own, *here) > 0 && SocketEndpoint::other_of(descriptor);
}

void break_incoming_connections(std::span<const std::string> own_addresses,
                                const std::function<void()>& progress) {
    const std::vector<SocketEndpoint> own = endpoints_of(own_addresses);
    const std::set<ino_t> broken = own.empty() ? std::set<ino_t>() : break_all_at(own);
    if (broken.empty()) {
        return;
    }
    const Deadline deadline = Deadline::after(kClosingTakes);
    progress();
    while (is_any_open(broken)) {
        if (deadline.expired()) {
            log_warn("{} broken connections of the fabric were not closed by their provider within {} s",
                     broken.size(), kClosingTakes.count());
            return;
        }
        std::this_thread::sleep_for(kLookAgain);
        progress();
    }
}

void for_listeners_at(std::string_view own_address, const std::function<void(int descriptor)>& use) {
    const auto own = SocketEndpoint::of(own_address);
    if (!own) {
        return;
    }
    for_own_sockets([&](int descriptor, const OwnSocket&) {
        if (is_listening_at(descriptor, *own)) {
            use(descriptor);
        }
    });
}

void notice_dead_connections_to(std::string_view own_address) {
    for_listeners_at(own_address, notice_dead_connections_of);
}

void notice_dead_connections_of(int listener) {
    // Accepted sockets inherit them.
    keep_asking(listener, kAskEvery);
    set_socket_option(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, kDeadAfter);
}

}  // namespace memfabric::transport
