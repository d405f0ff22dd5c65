// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/fd.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/fid.h"

namespace memfabric::transport {

/// All that a FabricTransport holds; members are destroyed from the last to the first.
struct FabricState {
    static Result<std::unique_ptr<FabricState>> open(const std::string& provider,
                                                     const std::string& local_address);
    ~FabricState();

    InfoPtr info;
    FidPtr<fid_fabric> fabric;
    FidPtr<fid_domain> domain;
    // Two roles: peers connect to `target`, we connect from `origin`. So every connection of `origin` leads
    // to the address that its peer published, and can be found and broken by it.
    std::unique_ptr<FabricEndpoint> target;
    std::unique_ptr<FabricEndpoint> origin;
    FabricAddress address;
    std::string host_id;
    std::atomic<uint64_t> put_bytes{0};
    std::atomic<uint64_t> put_calls{0};
    std::atomic<uint64_t> get_bytes{0};
    std::atomic<uint64_t> get_calls{0};
    std::atomic<uint64_t> retried{0};
    Fd wake;  // ends the sleep of `progress`
    std::jthread progress_thread;

 private:
    void progress_until(const std::stop_token& stop);
};

/// 64 bits from the kernel's random source.
Result<uint64_t> random_number();

}  // namespace memfabric::transport
