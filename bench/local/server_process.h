// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace memfabric::bench {

/// A server in a child process, on the last core, made by fork before this process has threads. Ends with
/// this object, and with this process.
class ServerProcess {
 public:
    /// `serve` listens on any free port of 127.0.0.1, tells its argument which, and serves until it is
    /// killed.
    using Announce = std::function<void(uint16_t port)>;
    explicit ServerProcess(const std::function<void(const Announce&)>& serve);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    uint16_t port() const { return port_; }

 private:
    pid_t child_ = -1;
    uint16_t port_ = 0;
};

}  // namespace memfabric::bench
