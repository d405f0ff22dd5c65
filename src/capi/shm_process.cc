// SPDX-License-Identifier: Apache-2.0
#include "capi/shm_process.h"

#include <chrono>
#include <utility>

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::capi {
namespace {

/// For everything that uninit has to say to other processes.
constexpr auto kUninitPatience = std::chrono::seconds(2);

}  // namespace

ShmProcess& ShmProcess::instance() {
    static_cast<void>(Process::instance());
    static ShmProcess* const process = std::make_unique<ShmProcess>().release();
    return *process;
}

Result<ShmProcess::State> ShmProcess::state() {
    const std::lock_guard lock(mutex_);
    if (!state_.world) {
        return Status(Code::kNotInitialized,
                      "SHM is not initialized in this process: call smem_shm_init (shm.initialize) first");
    }
    return state_;
}

Status ShmProcess::start(shm::WorldConfig config) {
    const std::lock_guard control(control_mutex_);
    objects_.reap();
    if (state().is_ok()) {
        return {};
    }
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    MF_RETURN_IF_ERROR(check_world_config(config));
    MF_ASSIGN_OR_RETURN(const Endpoint endpoint, parse_store_url(config.store_url));
    const Deadline deadline = Deadline::after(config.init_timeout);
    std::shared_ptr<store::Server> server;
    if (config.start_store && config.rank == 0) {
        auto hosted = Process::instance().host_store(endpoint, options);
        // Somebody else serves the address: connecting will find out.
        if (!hosted.is_ok() && hosted.status().code() != Code::kResourceInUse) {
            return hosted.status();
        }
        server = hosted.is_ok() ? *hosted : nullptr;
    }
    auto world = std::make_shared<shm::World>(std::move(config), std::move(server));
    MF_RETURN_IF_ERROR(Process::instance().on_runtime(endpoint, options, deadline, [&](const auto& runtime) {
        return world->take_rank(runtime, deadline);
    }));
    const std::lock_guard lock(mutex_);
    state_ = {world, std::make_shared<shm::Creator>(world)};
    return {};
}

void ShmProcess::stop() {
    const std::lock_guard control(control_mutex_);
    const Deadline deadline = Deadline::after(kUninitPatience);
    State ended;
    {
        const std::lock_guard lock(mutex_);
        ended = std::exchange(state_, {});
    }
    for (const ShmTable::Handle handle : objects_.handles()) {
        const Status destroyed = destroy(handle, deadline);
        if (!destroyed.is_ok()) {
            log_info("uninitializing SHM: {}", destroyed.message());
        }
    }
    if (ended.world) {
        ended.world->release_rank();
    }
}

Status ShmProcess::reserve_id(uint32_t id) {
    if (id > shm::kMaxObjectId) {
        return failure(Code::kInvalidParam, "the id is outside 0 to {}", shm::kMaxObjectId);
    }
    const std::lock_guard lock(mutex_);
    if (!ids_.insert(id).second) {
        return {Code::kDuplicatedObject,
                "this process has an object of that id already, or creates it just "
                "now"};
    }
    return {};
}

void ShmProcess::free_id(uint32_t id) {
    const std::lock_guard lock(mutex_);
    ids_.erase(id);
}

Result<ShmTable::Handle> ShmProcess::create(uint32_t id, const shm::ObjectConfig& config) {
    objects_.reap();
    MF_ASSIGN_OR_RETURN(const State current, state());
    MF_RETURN_IF_ERROR(reserve_id(id));
    const Deadline deadline = Deadline::after(current.world->config().create_timeout);
    Result<ShmTable::Handle> handle = attempt([&]() -> Result<ShmTable::Handle> {
        MF_ASSIGN_OR_RETURN(const std::shared_ptr<shm::SharedMemory> object,
                            current.creator->create(id, config, deadline));
        return publish(current, object);
    });
    if (!handle.is_ok()) {
        free_id(id);
    }
    return handle;
}

Result<ShmTable::Handle> ShmProcess::publish(const State& made_in,
                                             const std::shared_ptr<shm::SharedMemory>& object) {
    Status refused(Code::kNotInitialized, "SHM was uninitialized meanwhile");
    {
        const std::lock_guard lock(mutex_);
        if (state_.world == made_in.world) {
            const ShmTable::Handle handle = objects_.insert(object);
            if (handle != 0) {
                object->set_wait_idle(
                    [this, handle](Deadline until) { return objects_.wait_idle(handle, until); });
                return handle;
            }
            refused = failure(Code::kNewObjectFailed, "{} objects exist already", shm::kMaxObjects);
        }
    }
    static_cast<void>(object->close(Deadline::after(kUninitPatience)));
    return refused;
}

Status ShmProcess::destroy(ShmTable::Handle handle, Deadline deadline) {
    const std::shared_ptr<shm::SharedMemory> object = objects_.remove(handle, deadline);
    if (!object) {
        return {Code::kObjectNotExists, "the handle is unknown, or its object was destroyed"};
    }
    Status closed = object->close(deadline);
    free_id(object->id());
    return closed;
}

uint32_t ShmProcess::supported_reach() {
    const Result<State> current = state();
    return current.is_ok() ? shm::supported_reach(current->world->runtime())
                           : shm::kReachLoadStore | shm::kReachCopyEngine;
}

Result<uint64_t> ShmProcess::largest_region() {
    MF_ASSIGN_OR_RETURN(const State current, state());
    return current.world->runtime().options().size(OptionId::kMaxRegionSize);
}

Status ShmProcess::handle_failure(smem_shm_t handle, const char* what) {
    if (handle == nullptr) {
        return failure(Code::kInvalidParam, "{}: the handle is null", what);
    }
    if (const auto current = state(); !current.is_ok()) {
        return current.status().with_context(what);
    }
    return failure(Code::kObjectNotExists, "{}: handle {} is unknown, or its object was destroyed", what,
                   handle);
}

Result<std::shared_ptr<shm::SharedMemory>> ShmProcess::find(smem_shm_t handle, const char* what) {
    auto object = objects_.share(from_shm_handle(handle));
    if (!object) {
        return handle_failure(handle, what);
    }
    return object;
}

}  // namespace memfabric::capi
