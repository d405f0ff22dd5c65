// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/endpoint.h"
#include "observe/timed.h"
#include "store/wire.h"

namespace memfabric::store {

/// Where a client's requests to one store are counted.
class RequestCounters {
 public:
    explicit RequestCounters(const Endpoint& store);
    observe::Counted of(Operation operation) const;

 private:
    uint32_t answered_at_once_;
    uint32_t waiting_;  // for what other processes do
};

}  // namespace memfabric::store
