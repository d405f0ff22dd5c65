// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "base/handle_table.h"
#include "capi/process.h"
#include "shm/creation.h"
#include "smem_shm_def.h"

namespace memfabric::capi {

using ShmTable = HandleTable<shm::SharedMemory, shm::kMaxObjects, 2>;

inline ShmTable::Handle from_shm_handle(smem_shm_t handle) {
    return reinterpret_cast<uintptr_t>(handle);
}

/// What the SHM functions of one process share. Never destroyed: threads of the program may still be inside
/// when it exits.
class ShmProcess {
 public:
    static ShmProcess& instance();
    /// Use instance().
    ShmProcess() = default;

    ShmTable& objects() { return objects_; }

    Status start(shm::WorldConfig config);
    void stop();
    /// Several threads may create different objects at once.
    Result<ShmTable::Handle> create(uint32_t id, const shm::ObjectConfig& config);
    Status destroy(ShmTable::Handle handle, Deadline deadline);

    /// Mask of shm::kReach bits; those of this host alone where SHM is not initialized.
    uint32_t supported_reach();
    /// The limit of symmetricSize.
    Result<uint64_t> largest_region();
    /// The object, for control operations; `what` begins the failure's text.
    Result<std::shared_ptr<shm::SharedMemory>> find(smem_shm_t handle, const char* what);
    /// Why a handle finds nothing: null, SHM not initialized, or stale.
    Status handle_failure(smem_shm_t handle, const char* what);

 private:
    struct State {
        std::shared_ptr<shm::World> world;
        std::shared_ptr<shm::Creator> creator;
    };
    Result<State> state();
    Status reserve_id(uint32_t id);
    void free_id(uint32_t id);
    Result<ShmTable::Handle> publish(const State& state, const std::shared_ptr<shm::SharedMemory>& object);

    ShmTable objects_;
    std::mutex control_mutex_;  // init and uninit: one at a time
    std::mutex mutex_;          // guards what follows; never held across a blocking call
    State state_;
    std::set<uint32_t> ids_;  // of objects that exist or are being created
};

}  // namespace memfabric::capi
