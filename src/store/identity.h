// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace memfabric::store {

/// By which clients tell their store, started again, from another one at the same address.
struct Identity {
    uint64_t instance = 0;
    bool is_restart = false;  // a store of that identity was there before and did not end in good order
    /// Keeps the identity that the store has taken over from clients of its predecessor.
    std::function<void(uint64_t instance)> keep = [](uint64_t) {};
};

/// One that no other store has.
Identity new_identity();

}  // namespace memfabric::store
