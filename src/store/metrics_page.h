// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/endpoint.h"

namespace memfabric::store {

/// What a config store has at one moment.
struct Statistics {
    uint64_t connections = 0;
    uint64_t sessions = 0;  // clients, those included that are about to come back
    uint64_t keys = 0;
    uint64_t key_bytes = 0;  // of names and values
    uint64_t messages = 0;   // that it has received from clients so far
};

/// In Prometheus' text format.
std::string metrics_page(const Endpoint& store, const Statistics& now);

}  // namespace memfabric::store
