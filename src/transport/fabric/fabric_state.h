// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "transport/fabric/activity.h"
#include "transport/fabric/begun_transfer.h"
#include "transport/fabric/device_memory.h"
#include "transport/fabric/drive.h"
#include "transport/fabric/exposures.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/liveness_door.h"
#include "transport/fabric/messages.h"

namespace memfabric::transport {

struct FabricConfig;

/// All that a FabricTransport holds; members are destroyed from the last to the first.
struct FabricState {
    static Result<std::unique_ptr<FabricState>> open(const FabricConfig& config);

    FlowCounts& counts(FabricFlow flow) { return flow == FabricFlow::kPut ? puts : gets; }
    /// The lane of the calling thread, so that threads do not wait for each other.
    FabricLane& own_lane() const;
    uint64_t begun_operations() const;
    /// What peers have sent, or done to their connections, is looked at now.
    void let_targets_work() const;
    /// How the lanes reach a peer; forget() is to follow when nobody uses them any more.
    Result<std::vector<FabricPeer::Way>> ways_to(const FabricAddress& peer);
    void forget(const std::vector<FabricPeer::Way>& ways);

    InfoPtr info;
    FidPtr<fid_fabric> fabric;
    FidPtr<fid_domain> domain;
    FabricAddress address;
    std::string host_id;
    std::shared_ptr<DeviceMemory> device;
    std::chrono::milliseconds peer_timeout{};
    PeerPatience patience;
    FlowCounts puts;
    FlowCounts gets;
    Activity activity;
    FabricLanes lanes;
    BegunTransfers begun{lanes};
    Exposures exposures;
    std::unique_ptr<LivenessDoor> door;    // none where addresses are not of IP
    std::unique_ptr<Messenger> messenger;  // tells `activity`, uses `exposures` and `door`
};

}  // namespace memfabric::transport
