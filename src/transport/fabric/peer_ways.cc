// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_ways.h"

#include <algorithm>

namespace memfabric::transport {

std::vector<RailWay> ways_of_rails(const FabricState& state, const FabricAddress& peer) {
    const std::vector<FabricPort>& own = state.address.ports;
    WayMap map;
    for (const FabricPort& port : own) {
        map.rail_is_standby.push_back(port.standby);
    }
    for (const FabricPort& port : peer.ports) {
        map.port_is_standby.push_back(port.standby);
    }
    map.route = [&](size_t rail, size_t port) {
        if (own[rail].endpoints.front().size() != peer.ports[port].endpoints.front().size()) {
            return RouteGrade::kNone;
        }
        if (own.size() == 1 && peer.ports.size() == 1) {
            return RouteGrade::kDirect;  // there is no choice
        }
        return grade_route(state.rails[rail].nic.address, peer.ports[port].endpoints.front());
    };
    return plan_ways(map);
}

std::vector<Messenger::Way> ways_of_messages(const FabricAddress& peer, const std::vector<RailWay>& ways) {
    std::vector<size_t> rails;
    for (size_t rail = 0; rail < ways.size(); ++rail) {
        if (ways[rail].port) {
            rails.push_back(rail);
        }
    }
    std::ranges::stable_sort(rails, {}, [&](size_t rail) { return ways[rail].grade; });
    std::vector<Messenger::Way> found;
    for (const size_t rail : rails) {
        found.push_back({rail, peer.ports[*ways[rail].port].messages});
    }
    return found;
}

std::vector<PeerLine> lines_of(const FabricState& state, const FabricAddress& peer,
                               const std::vector<RailWay>& ways) {
    std::vector<PeerLine> lines;
    for (size_t rail = 0; rail < ways.size(); ++rail) {
        if (ways[rail].port) {
            lines.push_back({rail, state.rails[rail].name(), state.rails[rail].nic.address,
                             peer.ports[*ways[rail].port].door});
        }
    }
    return lines;
}

}  // namespace memfabric::transport
