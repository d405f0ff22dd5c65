// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/operation_window.h"

#include "base/attempt.h"

namespace memfabric::transport {

OperationWindow::OperationWindow() {
    free_.reserve(kPlaces);
}

bool OperationWindow::made_block() {
    if (blocks_made_ == blocks_.size() ||
        !did_with_memory([this] { blocks_[blocks_made_] = std::make_unique<Block>(); })) {
        return false;
    }
    for (size_t i = kBlock; i-- > 0;) {
        free_.push_back(blocks_made_ * kBlock + i);
    }
    ++blocks_made_;
    return true;
}

}  // namespace memfabric::transport
