// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "shm/shared_memory.h"

namespace memfabric::shm {

/// Creates the objects of one world. Several threads may create different objects at once.
class Creator {
 public:
    explicit Creator(std::shared_ptr<World> world) : world_(std::move(world)) {}

    Result<std::shared_ptr<SharedMemory>> create(uint32_t id, const ObjectConfig& config, Deadline deadline);

 private:
    class Attempt;
    std::shared_ptr<World> world_;
    std::mutex mutex_;
    std::set<uint32_t> refused_;  // ids of which this process's last creation was refused; guarded by mutex_
};

}  // namespace memfabric::shm
