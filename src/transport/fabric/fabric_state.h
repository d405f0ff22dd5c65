// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.h"
#include "transport/fabric/begun_transfer.h"
#include "transport/fabric/exposures.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/liveness_door.h"
#include "transport/fabric/messages.h"

namespace memfabric::transport {

/// Whom to tell that foreign operations may have changed our memory.
class Activity {
 public:
    /// On return the one before does not run and never will.
    void set(std::function<void()> listener);
    void tell();

 private:
    std::mutex mutex_;
    std::function<void()> listener_;  // guarded by mutex_
};

/// All that a FabricTransport holds; members are destroyed from the last to the first.
struct FabricState {
    static Result<std::unique_ptr<FabricState>> open(const std::string& provider,
                                                     const std::string& local_address);
    ~FabricState();
    FlowCounts& counts(FabricFlow flow) { return flow == FabricFlow::kPut ? puts : gets; }
    /// Makes the progress thread look at everything.
    void wake_progress() const;

    InfoPtr info;
    FidPtr<fid_fabric> fabric;
    FidPtr<fid_domain> domain;
    // Two roles: peers connect to `target`, we connect from `origin`. So every connection of `origin` leads
    // to the address that its peer published, and can be found and broken by it.
    std::unique_ptr<FabricEndpoint> target;
    std::unique_ptr<FabricEndpoint> origin;
    FabricAddress address;
    std::string host_id;
    std::chrono::milliseconds peer_timeout{};
    FlowCounts puts;
    FlowCounts gets;
    BegunTransfers begun;
    Activity activity;
    Exposures exposures;
    std::unique_ptr<LivenessDoor> door;    // none where addresses are not of IP
    std::unique_ptr<Messenger> messenger;  // tells `activity`, uses `exposures` and `door`
    Fd wake;                               // ends the sleep of `progress`
    std::jthread progress_thread;

 private:
    void progress_until(const std::stop_token& stop);
};

/// 64 bits from the kernel's random source.
Result<uint64_t> random_number();

}  // namespace memfabric::transport
