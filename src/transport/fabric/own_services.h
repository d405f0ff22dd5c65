// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/status.h"
#include "transport/fabric/messages.h"

namespace memfabric::transport {

struct FabricState;

/// What every process answers of itself.
constexpr uint32_t kPingService = Messenger::kFirstOwnService;
constexpr uint32_t kAtomicService = Messenger::kFirstOwnService + 1;
constexpr uint32_t kRefusalService = Messenger::kFirstOwnService + 2;

/// Opens the state's messenger with these services and publishes its address.
Status open_messenger(FabricState& state);

}  // namespace memfabric::transport
