// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/begun_transfer.h"

#include <utility>

namespace memfabric::transport {

void BegunTransfers::add(std::shared_ptr<BegunTransfer> begun) {
    const std::lock_guard lock(mutex_);
    under_way_.push_back(std::move(begun));
}

bool BegunTransfers::advance_all() {
    const std::lock_guard lock(mutex_);
    std::erase_if(under_way_, [](const auto& begun) { return begun->transfer.advance(); });
    return !under_way_.empty();
}

}  // namespace memfabric::transport
