// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/status.h"
#include "transport/fabric/fabric_state.h"
#include "transport/fabric/way_plan.h"

namespace memfabric::transport {

/// Where requests go: over the rails that lead there, the best first.
std::vector<Messenger::Way> ways_of_messages(const FabricAddress& peer, const std::vector<RailWay>& ways);
/// Where it is looked whether the peer is there.
std::vector<PeerLine> lines_of(const FabricState& state, const FabricAddress& peer,
                               const std::vector<RailWay>& ways);

}  // namespace memfabric::transport
