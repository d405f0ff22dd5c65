// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/handle_table.h"
#include "bm/big_memory.h"
#include "runtime/runtime.h"
#include "runtime/store_host.h"

namespace memfabric::capi {

using BmTable = HandleTable<bm::BigMemory, bm::kMaxObjects, 1>;

/// What the C functions of one process share. Never destroyed: threads of the program may still be inside
/// when it exits.
class Process {
 public:
    static Process& instance();

    /// Handles of BM objects; the one thing that data operations touch.
    BmTable& bm_objects() { return bm_objects_; }

    /// The BM world, or a failure that says to initialize.
    Result<std::shared_ptr<bm::World>> bm_world();
    Status start_bm(bm::WorldConfig config);
    void stop_bm();
    Result<BmTable::Handle> create_bm(uint32_t id, uint32_t member_size, const memory::RegionShape& shape);
    Status destroy_bm(BmTable::Handle handle, Deadline deadline);

    /// Serves a config store until release_stores.
    Status create_store(const std::string& url);
    void release_stores();

    /// The config store that this process serves at the endpoint.
    Result<std::shared_ptr<store::Server>> host_store(const Endpoint& endpoint, const Options& options);
    /// Runs `use` on the process's one runtime of that store, started where there is none. Again on a fresh
    /// one where `use` failed because the store of an earlier one, which a view kept alive, has ended.
    using UseRuntime = std::function<Status(const std::shared_ptr<Runtime>&)>;
    Status on_runtime(const Endpoint& endpoint, const Options& options, Deadline deadline,
                      const UseRuntime& use);

    /// What this process has moved to and from other hosts, of all its runtimes that live.
    transport::FabricCounters fabric_counters();

    Status register_user_memory(uint64_t address, uint64_t size);
    Status unregister_user_memory(uint64_t address);

 private:
    Result<std::shared_ptr<store::Server>> host_for_bm(const bm::WorldConfig& config,
                                                       const Endpoint& endpoint, const Options& options);
    Result<std::shared_ptr<Runtime>> runtime_for(const Endpoint& endpoint, const Options& options,
                                                 Deadline deadline);
    bool bm_id_is_taken(uint32_t id);

    BmTable bm_objects_;
    StoreHost store_host_;
    std::mutex control_mutex_;  // init, uninit, create, destroy: one at a time
    std::mutex state_mutex_;    // guards what follows; never held across a blocking call
    std::shared_ptr<bm::World> bm_world_;
    std::vector<std::shared_ptr<store::Server>> stores_;
    std::map<std::string, std::weak_ptr<Runtime>> runtimes_;  // by the store's address
    std::map<uint64_t, uint64_t> user_memory_;                // address -> size
};

}  // namespace memfabric::capi
