// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "transport/fabric/fabric_types.h"
#include "transport/fabric/routes.h"

namespace memfabric::transport {

/// Where one of our rails leads at a peer.
struct RailWay {
    std::optional<size_t> port;  // of the peer; none: it does not lead there
    uint8_t grade = 0;           // the peer is reached over those of the smallest one
};

/// What is known of both sides: which interfaces are for standby, and how each leads to each.
struct WayMap {
    std::vector<bool> rail_is_standby;
    std::vector<bool> port_is_standby;
    std::function<RouteGrade(size_t rail, size_t port)> route;
};

/// A rail each. Each takes the port that it has the best route to, and of equal ones that which fewest rails
/// have taken. Where no route leads to the peer at all, every rail has a port: its calls end by their
/// deadline, and routes may come.
std::vector<RailWay> plan_ways(const WayMap& map);

/// Between two processes, seen from the first one, on whose host this runs: by the kernel's routes.
std::vector<RailWay> ways_between(const FabricAddress& own, const FabricAddress& peer);

}  // namespace memfabric::transport
