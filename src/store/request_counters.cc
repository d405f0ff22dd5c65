// SPDX-License-Identifier: Apache-2.0
#include "store/request_counters.h"

#include <string>

namespace memfabric::store {
namespace {

constexpr auto kAtOnce = observe::Operation::kStoreRequest;
constexpr auto kWaits = observe::Operation::kStoreWait;

}  // namespace

RequestCounters::RequestCounters(const Endpoint& store)
    : answered_at_once_(observe::cell_of(kAtOnce, observe::Path::kStore, "store " + store.text())),
      waiting_(observe::cell_of(kWaits, observe::Path::kStore, "store " + store.text())) {}

observe::Counted RequestCounters::of(Operation operation) const {
    switch (operation) {
        case Operation::kGet:
        case Operation::kBarrier:
        case Operation::kAllGather:
        case Operation::kAssignRank:
        case Operation::kAcquireWindow:
            return {kWaits, observe::Path::kStore, waiting_};
        default:
            return {kAtOnce, observe::Path::kStore, answered_at_once_};
    }
}

}  // namespace memfabric::store
