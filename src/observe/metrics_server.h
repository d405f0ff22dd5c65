// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "base/endpoint.h"
#include "base/fd.h"
#include "base/options.h"
#include "base/status.h"

namespace memfabric::observe {

/// Answers "GET /metrics" by HTTP with this process's counters, on a thread of its own that sleeps while
/// nobody asks.
class MetricsServer {
 public:
    /// Listens before it returns. Port 0: any free one. Beyond loopback only with MF_ALLOW_PLAINTEXT.
    static Result<std::unique_ptr<MetricsServer>> start(const std::string& address, const Options& options);
    /// Use start().
    MetricsServer(Fd listener, Fd wake, Endpoint endpoint);
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    const Endpoint& endpoint() const { return endpoint_; }

 private:
    void run(const std::stop_token& stop) const;

    const Fd listener_;
    const Fd wake_;  // eventfd: ends the thread's sleep
    const Endpoint endpoint_;
    std::jthread thread_;  // last: uses all of the above
};

}  // namespace memfabric::observe
