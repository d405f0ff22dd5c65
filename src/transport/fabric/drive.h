// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.h"
#include "transport/fabric/fabric_lane.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {

using FabricLanes = std::vector<std::unique_ptr<FabricLane>>;

/// Hands the transfer to its lane, and to the others where it is long. It ends by itself then, except that
/// nobody looks whether it should not go on.
void start_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer);

/// Stops the transfer where it should not go on, and breaks off what is under way; tries again what may be.
/// True where it has ended.
bool look_after(const FabricLanes& lanes, FabricLane& home, Transfer& transfer);

/// Moves the transfer on and looks after it, until it has ended or `until` passed. True where it has ended.
bool drive_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer, Deadline until);

}  // namespace memfabric::transport
