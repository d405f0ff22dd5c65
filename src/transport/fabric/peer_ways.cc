// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_ways.h"

#include <algorithm>

namespace memfabric::transport {

std::vector<Messenger::Way> ways_of_messages(const FabricAddress& peer, const std::vector<RailWay>& ways) {
    std::vector<size_t> rails;
    for (size_t rail = 0; rail < ways.size(); ++rail) {
        if (ways[rail].port) {
            rails.push_back(rail);
        }
    }
    std::ranges::stable_sort(rails, {}, [&](size_t rail) { return ways[rail].grade; });
    std::vector<Messenger::Way> found;
    found.reserve(rails.size());
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
