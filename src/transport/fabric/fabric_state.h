// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/device_memory.h"
#include "transport/fabric/activity.h"
#include "transport/fabric/begun_transfer.h"
#include "transport/fabric/congestion_control.h"
#include "transport/fabric/drive.h"
#include "transport/fabric/exposures.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/liveness_door.h"
#include "transport/fabric/messages.h"
#include "transport/fabric/rail.h"
#include "transport/fabric/silent_callers.h"
#include "transport/fabric/way_plan.h"

namespace memfabric::transport {

struct FabricConfig;

/// All that a FabricTransport holds; members are destroyed from the last to the first.
struct FabricState {
    static Result<std::unique_ptr<FabricState>> open(const FabricConfig& config);
    /// Of these providers, the first that libfabric has here.
    Status open_with(std::span<const std::string> providers, const FabricConfig& config);

    FlowCounts& counts(FabricFlow flow) { return flow == FabricFlow::kPut ? puts : gets; }
    /// The lane of the calling thread to a peer, so that threads do not wait for each other. Looks again at
    /// interfaces over which the peer was silent.
    FabricLane& own_lane(FabricPeer& peer) const;
    /// Of the pieces of a transfer.
    Cut cut() const;
    uint64_t begun_operations() const;
    /// What peers have sent, or done to their connections, is looked at now.
    void let_targets_work() const;
    /// How the lanes reach a peer, by the ways of the rails; forget() is to follow when nobody uses them any
    /// more.
    Result<std::vector<FabricPeer::Way>> ways_to(const FabricAddress& peer,
                                                 std::span<const RailWay> rail_ways);
    void forget(const std::vector<FabricPeer::Way>& ways);
    /// What all rails have alike.
    const fi_info& info() const { return *rails.front().info; }

    FabricRails rails;
    FabricAddress address;  // a port for each rail
    std::string host_id;
    std::shared_ptr<memory::DeviceMemory> device;
    std::chrono::milliseconds peer_timeout{};
    PeerPatience patience;
    CongestionControl congestion;
    FlowCounts puts;
    FlowCounts gets;
    Activity activity;
    FabricLanes lanes;  // those of all rails in turn
    Exposures exposures;
    std::vector<std::unique_ptr<LivenessDoor>> doors;  // where addresses are of IP, one a rail
    std::unique_ptr<SilentCallers> silent_callers;     // where addresses are of IP
    std::unique_ptr<Messenger> messenger;              // tells `activity`, uses all from `exposures` on
    BegunTransfers begun{lanes};                       // asks peers by `messenger`
};

}  // namespace memfabric::transport
