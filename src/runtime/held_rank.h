// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "runtime/runtime.h"

namespace memfabric {

/// The rank of this process in a world of the config store, held from take() to release() or the end of the
/// object.
class HeldRank {
 public:
    HeldRank() = default;
    ~HeldRank() { release(); }
    HeldRank(const HeldRank&) = delete;
    HeldRank& operator=(const HeldRank&) = delete;

    /// Once. Over the runtime's store.
    Status take(std::shared_ptr<Runtime> runtime, const store::RankRequest& request, Deadline deadline);
    /// Lets another process have the rank; where the store is away, once it is back. Later calls, also from
    /// other threads, do nothing.
    void release();

    bool is_held() const { return is_held_; }
    uint32_t number() const { return number_; }

 private:
    std::shared_ptr<Runtime> runtime_;
    std::string world_;
    uint32_t number_ = 0;
    std::atomic<bool> is_held_{false};
};

}  // namespace memfabric
