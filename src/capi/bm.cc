// SPDX-License-Identifier: Apache-2.0
// The control functions of smem_bm.h; the copies are in bm_copy.cc.
#include <chrono>
#include <limits>

#include "capi/bm_handle.h"
#include "capi/process.h"
#include "capi/report.h"
#include "smem_bm.h"

using memfabric::Code;
using memfabric::Deadline;
using memfabric::failure;
using memfabric::Result;
using memfabric::Status;
using memfabric::bm::MemoryType;
using memfabric::bm::WorldConfig;
using memfabric::capi::find_bm;
using memfabric::capi::from_handle;
using memfabric::capi::guarded;
using memfabric::capi::guarded_value;
using memfabric::capi::Process;
using memfabric::capi::to_handle;

namespace {

constexpr uint32_t kDefaultTimeout = 120;  // seconds
constexpr uint16_t kRankNotSet = std::numeric_limits<uint16_t>::max();

WorldConfig to_world_config(const char* url, uint32_t world_size, uint16_t device_id,
                            const smem_bm_config_t& config) {
    WorldConfig world;
    world.store_url = url;
    world.world_size = world_size;
    world.device_id = device_id;
    if (config.rankId != kRankNotSet) {
        world.rank = config.rankId;
    }
    world.auto_ranking = config.autoRanking;
    world.dynamic_world_size = config.dynamicWorldSize;
    world.start_store = config.startConfigStore;
    world.start_store_only = config.startConfigStoreOnly;
    world.unified_address_space = config.unifiedAddressSpace;
    world.init_timeout = std::chrono::seconds(config.initTimeout);
    world.create_timeout = std::chrono::seconds(config.createTimeout);
    world.control_timeout = std::chrono::seconds(config.controlOperationTimeout);
    return world;
}

Result<MemoryType> to_memory_type(smem_bm_mem_type type, std::string_view what) {
    const auto number = static_cast<uint32_t>(type);
    if (number >= static_cast<uint32_t>(MemoryType::kCount)) {
        return failure(Code::kInvalidParam, "{}: memory type {} is unknown, it is one of smem_bm_mem_type",
                       what, number);
    }
    return static_cast<MemoryType>(type);
}

}  // namespace

extern "C" {

int32_t smem_bm_config_init(smem_bm_config_t* config) {
    return guarded([&] {
        if (config == nullptr) {
            return Status(Code::kInvalidParam, "smem_bm_config_init: the configuration is null");
        }
        *config = smem_bm_config_t{};
        config->initTimeout = kDefaultTimeout;
        config->createTimeout = kDefaultTimeout;
        config->controlOperationTimeout = kDefaultTimeout;
        config->startConfigStore = true;
        config->unifiedAddressSpace = true;
        config->rankId = kRankNotSet;
        return Status();
    });
}

int32_t smem_bm_init(const char* storeURL, uint32_t worldSize, uint16_t deviceId,
                     const smem_bm_config_t* config) {
    return guarded([&] {
        if (storeURL == nullptr || config == nullptr) {
            return failure(Code::kInvalidParam, "initializing BM: the {} is null",
                           storeURL == nullptr ? "store URL" : "configuration");
        }
        return Process::instance()
            .start_bm(to_world_config(storeURL, worldSize, deviceId, *config))
            .with_context(fmt::format("initializing BM with the store at '{}'", storeURL));
    });
}

void smem_bm_uninit(uint32_t) {
    static_cast<void>(guarded([] {
        Process::instance().stop_bm();
        return Status();
    }));
}

uint32_t smem_bm_get_rank_id(void) {
    return guarded_value(std::numeric_limits<uint32_t>::max(), []() -> Result<uint32_t> {
        MF_ASSIGN_OR_RETURN(const auto world, Process::instance().bm_world());
        return world->rank();
    });
}

smem_bm_t smem_bm_create(uint32_t id, uint32_t memberSize, smem_bm_data_op_type, uint64_t localDRAMSize,
                         uint64_t localHBMSize, uint32_t) {
    return guarded_value<smem_bm_t>(nullptr, [&]() -> Result<smem_bm_t> {
        const auto handle = Process::instance().create_bm(id, memberSize, {localHBMSize, localDRAMSize});
        if (!handle.is_ok()) {
            return handle.status().with_context(fmt::format("creating BM {}", id));
        }
        return to_handle(*handle);
    });
}

void smem_bm_destroy(smem_bm_t handle) {
    static_cast<void>(guarded([&] {
        const auto object = Process::instance().bm_objects().share(from_handle(handle));
        if (object) {
            return Process::instance().destroy_bm(from_handle(handle),
                                                  Deadline::after(object->control_timeout()));
        }
        return Status();
    }));
}

int32_t smem_bm_join(smem_bm_t handle, uint32_t, void** localGvaAddress) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "joining a BM"));
        MF_ASSIGN_OR_RETURN(const uint64_t address, object->join(Deadline::after(object->control_timeout())));
        if (localGvaAddress != nullptr) {
            *localGvaAddress = reinterpret_cast<void*>(address);
        }
        return {};
    });
}

int32_t smem_bm_leave(smem_bm_t handle, uint32_t) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "leaving a BM"));
        return object->leave(Deadline::after(object->control_timeout()));
    });
}

uint64_t smem_bm_get_local_mem_size(smem_bm_t handle) {
    return guarded_value<uint64_t>(0, [&]() -> Result<uint64_t> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "asking for the size of a BM"));
        return object->window().stride();
    });
}

uint64_t smem_bm_get_local_mem_size_by_mem_type(smem_bm_t handle, smem_bm_mem_type memType) {
    return guarded_value<uint64_t>(0, [&]() -> Result<uint64_t> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "asking for the size of a BM"));
        MF_ASSIGN_OR_RETURN(const MemoryType type, to_memory_type(memType, "asking for the size of a BM"));
        return object->local_size(type);
    });
}

void* smem_bm_ptr(smem_bm_t handle, uint16_t peerRankId) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "asking for an address in a BM"));
        if (peerRankId >= object->window().slots()) {
            return failure(Code::kInvalidParam,
                           "asking for an address in BM {}: rank {} is outside a world of {}", object->id(),
                           peerRankId, object->window().slots());
        }
        return reinterpret_cast<void*>(object->window().region(peerRankId).begin);
    });
}

void* smem_bm_ptr_by_mem_type(smem_bm_t handle, smem_bm_mem_type memType, uint16_t peerRankId) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "asking for an address in a BM"));
        MF_ASSIGN_OR_RETURN(const MemoryType type, to_memory_type(memType, "asking for an address in a BM"));
        const uint64_t address = object->address_of(type, peerRankId);
        if (address == 0) {
            return failure(
                Code::kInvalidParam, "asking for an address in BM {}: rank {} of {} has no memory of type {}",
                object->id(), peerRankId, object->window().slots(), static_cast<uint32_t>(memType));
        }
        return reinterpret_cast<void*>(address);
    });
}

uint32_t smem_bm_get_rank_id_by_gva(smem_bm_t handle, void* gva) {
    return guarded_value(std::numeric_limits<uint32_t>::max(), [&]() -> Result<uint32_t> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "asking for the rank of an address"));
        const auto address = reinterpret_cast<uint64_t>(gva);
        if (!object->window().range().contains(address, 1)) {
            return failure(
                Code::kInvalidParam,
                "asking for the rank of address {:#x}: it lies outside the window {:#x} to {:#x} of BM {}",
                address, object->window().range().begin, object->window().range().end(), object->id());
        }
        return object->window().rank_of(address);
    });
}

int32_t smem_bm_register_user_mem(smem_bm_t handle, uint64_t addr, uint64_t size) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "registering user memory"));
        return Process::instance().register_user_memory(addr, size);
    });
}

int32_t smem_bm_unregister_user_mem(uint64_t addr) {
    return guarded([&] { return Process::instance().unregister_user_memory(addr); });
}

}  // extern "C"
