// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "local/server_process.h"

namespace memfabric::bench {

/// What the config store is compared with: messages of this size, sent back as they are.
inline constexpr size_t kPingSize = 64;

/// Serves one connection after another with blocking calls, asleep in recv between two messages.
void serve_blocking(const ServerProcess::Announce& announce);

/// Serves all connections with one thread and epoll.
void serve_by_epoll(const ServerProcess::Announce& announce);

/// One blocking connection.
class PingClient {
 public:
    explicit PingClient(uint16_t port);
    ~PingClient();
    PingClient(const PingClient&) = delete;
    PingClient& operator=(const PingClient&) = delete;

    /// Sends one message and waits for it to come back.
    void ping() const;

 private:
    int descriptor_;
};

}  // namespace memfabric::bench
