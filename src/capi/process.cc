// SPDX-License-Identifier: Apache-2.0
#include "capi/process.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "capi/store_config.h"
#include "capi/store_security.h"

namespace memfabric::capi {
namespace {

/// For everything that uninit has to say to other processes.
constexpr auto kUninitPatience = std::chrono::seconds(2);

}  // namespace

Process& Process::instance() {
    static Process* const process = std::make_unique<Process>().release();
    return *process;
}

Result<std::shared_ptr<bm::World>> Process::bm_world() {
    const std::lock_guard lock(state_mutex_);
    if (!bm_world_ || !bm_world_->runtime()) {
        return Status(Code::kNotInitialized,
                      "BM is not initialized in this process: call smem_bm_init (bm.initialize) first");
    }
    return bm_world_;
}

Result<std::shared_ptr<store::Server>> Process::host_store(const Endpoint& endpoint, const Options& options) {
    MF_ASSIGN_OR_RETURN(store::ServerConfig config, store_config_for(endpoint, options));
    return store_host_.host(std::move(config));
}

/// Null where somebody else serves the address, which connecting will find out.
Result<std::shared_ptr<store::Server>> Process::host_for_bm(const bm::WorldConfig& config,
                                                            const Endpoint& endpoint,
                                                            const Options& options) {
    const bool may_serve = config.start_store && (config.auto_ranking || config.rank == 0U);
    if (!may_serve && !config.start_store_only) {
        return std::shared_ptr<store::Server>();
    }
    Result<std::shared_ptr<store::Server>> server = host_store(endpoint, options);
    const Code code = server.status().code();
    const bool somebody_else_may =
        code == Code::kResourceInUse || (config.auto_ranking && code == Code::kStoreSocket);
    if (!server.is_ok() && somebody_else_may && !config.start_store_only) {
        log_debug("not serving the config store: {}", server.status().message());
        return std::shared_ptr<store::Server>();
    }
    return server;
}

Result<std::shared_ptr<Runtime>> Process::runtime_for(const Endpoint& endpoint, const Options& options,
                                                      Deadline deadline) {
    std::shared_ptr<Runtime> running;
    {
        const std::lock_guard lock(state_mutex_);
        running = runtimes_[endpoint.text()].lock();
    }
    // One that a view keeps alive may belong to a store that has ended since.
    if (running && running->store().is_usable()) {
        return running;
    }
    MF_ASSIGN_OR_RETURN(std::optional<store::TlsSettings> tls, store_security_for(endpoint, false, options));
    MF_ASSIGN_OR_RETURN(std::shared_ptr<Runtime> runtime,
                        Runtime::start({endpoint, std::move(tls), options}, deadline));
    const std::lock_guard lock(state_mutex_);
    runtimes_[endpoint.text()] = runtime;
    return runtime;
}

Status Process::on_runtime(const Endpoint& endpoint, const Options& options, Deadline deadline,
                           const UseRuntime& use) {
    for (bool first = true;; first = false) {
        MF_ASSIGN_OR_RETURN(const std::shared_ptr<Runtime> runtime, runtime_for(endpoint, options, deadline));
        Status used = use(runtime);
        // A runtime that a view has kept alive learns only now that its store has ended: a fresh one finds
        // the new store.
        if (used.is_ok() || !first || runtime->store().is_usable()) {
            return used;
        }
    }
}

transport::FabricCounters Process::fabric_counters() {
    std::vector<std::shared_ptr<Runtime>> running;
    {
        const std::lock_guard lock(state_mutex_);
        for (const auto& [address, runtime] : runtimes_) {
            running.push_back(runtime.lock());
        }
    }
    transport::FabricCounters sum;
    for (const std::shared_ptr<Runtime>& runtime : running) {
        const transport::FabricCounters one =
            runtime ? runtime->fabric_counters() : transport::FabricCounters{};
        sum.put_bytes += one.put_bytes;
        sum.put_calls += one.put_calls;
        sum.get_bytes += one.get_bytes;
        sum.get_calls += one.get_calls;
        sum.begun_operations += one.begun_operations;
        sum.retried_operations += one.retried_operations;
    }
    return sum;
}

Status Process::start_bm(bm::WorldConfig config) {
    const std::lock_guard control(control_mutex_);
    bm_objects_.reap();
    {
        const std::lock_guard lock(state_mutex_);
        if (bm_world_) {
            return {};
        }
    }
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    MF_RETURN_IF_ERROR(bm::complete_world_config(config));
    MF_ASSIGN_OR_RETURN(const Endpoint endpoint, parse_store_url(config.store_url));
    const Deadline deadline = Deadline::after(config.init_timeout);
    MF_ASSIGN_OR_RETURN(std::shared_ptr<store::Server> server, host_for_bm(config, endpoint, options));
    const bool store_only = config.start_store_only;
    auto world = std::make_shared<bm::World>(std::move(config), std::move(server));
    if (!store_only) {
        MF_RETURN_IF_ERROR(on_runtime(endpoint, options, deadline, [&](const auto& runtime) {
            return world->take_rank(runtime, deadline);
        }));
    }
    const std::lock_guard lock(state_mutex_);
    bm_world_ = std::move(world);
    return {};
}

void Process::stop_bm() {
    const std::lock_guard control(control_mutex_);
    const Deadline deadline = Deadline::after(kUninitPatience);
    for (const BmTable::Handle handle : bm_objects_.handles()) {
        const Status destroyed = destroy_bm(handle, deadline);
        if (!destroyed.is_ok()) {
            log_info("uninitializing BM: {}", destroyed.message());
        }
    }
    std::shared_ptr<bm::World> world;
    {
        const std::lock_guard lock(state_mutex_);
        world = std::move(bm_world_);
        user_memory_.clear();
    }
    if (world) {
        world->release_rank();
    }
}

bool Process::bm_id_is_taken(uint32_t id) {
    for (const BmTable::Handle handle : bm_objects_.handles()) {
        const auto object = bm_objects_.share(handle);
        if (object && object->id() == id) {
            return true;
        }
    }
    return false;
}

Result<BmTable::Handle> Process::create_bm(uint32_t id, uint32_t member_size,
                                           const memory::RegionShape& shape) {
    const std::lock_guard control(control_mutex_);
    bm_objects_.reap();
    MF_ASSIGN_OR_RETURN(std::shared_ptr<bm::World> world, bm_world());
    if (bm_id_is_taken(id)) {
        return Status(Code::kDuplicatedObject, "this process has an object of that id already");
    }
    const Deadline deadline = Deadline::after(world->config().create_timeout);
    MF_ASSIGN_OR_RETURN(std::shared_ptr<bm::BigMemory> object,
                        bm::BigMemory::create(std::move(world), id, member_size, shape, deadline));
    const BmTable::Handle handle = bm_objects_.insert(object);
    if (handle == 0) {
        return failure(Code::kNewObjectFailed, "{} objects exist already", bm::kMaxObjects);
    }
    object->set_wait_idle([this, handle](Deadline until) { return bm_objects_.wait_idle(handle, until); });
    return handle;
}

Status Process::destroy_bm(BmTable::Handle handle, Deadline deadline) {
    const std::shared_ptr<bm::BigMemory> object = bm_objects_.remove(handle, deadline);
    if (!object) {
        return {Code::kObjectNotExists, "the BM handle is unknown or stale"};
    }
    return object->close(deadline);
}

Status Process::create_store(const std::string& url) {
    MF_ASSIGN_OR_RETURN(const Endpoint endpoint, parse_store_url(url));
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    MF_ASSIGN_OR_RETURN(std::shared_ptr<store::Server> server, host_store(endpoint, options));
    const std::lock_guard lock(state_mutex_);
    stores_.push_back(std::move(server));
    return {};
}

void Process::release_stores() {
    std::vector<std::shared_ptr<store::Server>> released;
    const std::lock_guard lock(state_mutex_);
    released.swap(stores_);
}

Status Process::register_user_memory(uint64_t address, uint64_t size) {
    if (address == 0 || size == 0 || address + size < address) {
        return failure(Code::kInvalidParam, "registering user memory {:#x} + {} bytes: no such range",
                       address, size);
    }
    const std::lock_guard lock(state_mutex_);
    if (!user_memory_.emplace(address, size).second) {
        return failure(Code::kDuplicatedObject,
                       "registering user memory {:#x} + {} bytes: {} bytes are registered there already",
                       address, size, user_memory_[address]);
    }
    return {};
}

Status Process::unregister_user_memory(uint64_t address) {
    const std::lock_guard lock(state_mutex_);
    if (user_memory_.erase(address) == 0) {
        return failure(Code::kObjectNotExists, "unregistering user memory: nothing is registered at {:#x}",
                       address);
    }
    return {};
}

}  // namespace memfabric::capi
