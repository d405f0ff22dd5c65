// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/endpoint.h"
#include "base/fd.h"
#include "base/status.h"

namespace memfabric::store {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    uint16_t port() const;
    void set_port(uint16_t port);
    /// Without the port.
    std::string host_text() const;
};

/// All addresses of the endpoint, those that were asked for by number at once, names by the resolver.
Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint, Deadline deadline);

/// A listening, non-blocking socket.
Result<Fd> listen_on(const SocketAddress& address);
SocketAddress local_address_of(int descriptor);

enum class ConnectState { kConnected, kInProgress, kFailed };
/// Begins to connect a new non-blocking socket; errno says why it failed.
ConnectState begin_connect(const SocketAddress& address, Fd& socket);

/// No delay; keepalive that notices a host that is gone after about `silent`.
void tune_stream(int descriptor, std::chrono::milliseconds silent);

/// How often the other host's kernel is asked for a sign while nothing is on its way to it.
std::chrono::seconds keepalive_period(std::chrono::milliseconds silent);

/// How long ago the other host's kernel has last given a sign, and whether it has yet to acknowledge
/// something. A process that just takes nothing is no silence: its kernel answers.
struct HostSign {
    std::chrono::milliseconds ago{0};
    bool owes_answer = false;
};
HostSign last_sign_of_host(int descriptor);

}  // namespace memfabric::store
