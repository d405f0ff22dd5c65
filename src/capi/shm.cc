// SPDX-License-Identifier: Apache-2.0
// The functions of smem_shm.h.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "capi/private_api.h"
#include "capi/report.h"
#include "capi/shm_process.h"
#include "smem_shm.h"

using memfabric::Code;
using memfabric::failure;
using memfabric::Result;
using memfabric::Status;
using memfabric::capi::from_shm_handle;
using memfabric::capi::guarded;
using memfabric::capi::guarded_value;
using memfabric::capi::ShmProcess;
using memfabric::shm::ObjectConfig;
using memfabric::shm::SharedMemory;
using memfabric::shm::WorldConfig;

namespace {

constexpr uint32_t kDefaultTimeout = 120;  // seconds
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

Result<std::shared_ptr<SharedMemory>> find(smem_shm_t handle, const char* what) {
    return ShmProcess::instance().find(handle, what);
}

/// Why this rank cannot take part in creating an object. The others are told, so that none waits for it.
Status check_object(const ObjectConfig& config, uint32_t type, void* const* gva, uint64_t largest) {
    if (config.rank_size == 0 || config.rank_size > memfabric::store::kMaxWorldSize) {
        return failure(Code::kInvalidParam, "rankSize {} is outside 1 to {}", config.rank_size,
                       memfabric::store::kMaxWorldSize);
    }
    if (config.rank >= config.rank_size) {
        return failure(Code::kInvalidParam, "rankId {} is outside 0 to {}", config.rank,
                       config.rank_size - 1);
    }
    if (type == 0 || (type & ~memfabric::shm::kReachAll) != 0) {
        return failure(Code::kInvalidParam, "dataOpType {} is unknown, it is one of smem_shm_data_op_type",
                       type);
    }
    if (gva == nullptr) {
        return {Code::kInvalidParam, "gva, where the address is to go, is null"};
    }
    const Status size = memfabric::memory::check_region_shape({0, config.symmetric_size}, largest);
    return size.is_ok() ? size : size.with_context("symmetricSize");
}

Result<smem_shm_t> create(uint32_t id, ObjectConfig config, uint32_t type, void** gva) {
    ShmProcess& process = ShmProcess::instance();
    const std::string what =
        fmt::format("creating SHM {} as rank {} of {}", id, config.rank, config.rank_size);
    const Result<uint64_t> largest = process.largest_region();
    if (!largest.is_ok()) {
        return largest.status().with_context(what);
    }
    config.problem = check_object(config, type, gva, *largest).message();
    const auto handle = process.create(id, config);
    if (!handle.is_ok()) {
        return handle.status().with_context(what);
    }
    MF_ASSIGN_OR_RETURN(const auto object, process.find(reinterpret_cast<smem_shm_t>(*handle), "create"));
    *gva = reinterpret_cast<void*>(object->window().base());
    return reinterpret_cast<smem_shm_t>(*handle);
}

Status all_gather(SharedMemory& object, const char* send, uint32_t send_size, char* receive,
                  uint32_t receive_size) {
    const uint64_t needed = uint64_t{send_size} * object.rank_size();
    if (send_size == 0 || send_size > memfabric::shm::kMaxGatherSize) {
        return failure(Code::kInvalidParam, "allgather of SHM {}: sendSize {} is outside 1 to {}",
                       object.id(), send_size, memfabric::shm::kMaxGatherSize);
    }
    if (receive_size != needed) {
        return failure(Code::kInvalidParam,
                       "allgather of SHM {}: recvSize is {}, {} bytes from each of {} ranks are {}",
                       object.id(), receive_size, send_size, object.rank_size(), needed);
    }
    MF_ASSIGN_OR_RETURN(const auto gathered, object.all_gather({send, send_size}));
    for (const std::string& part : gathered) {
        receive = std::copy(part.begin(), part.end(), receive);
    }
    return {};
}

/// Runs `operation` on the handle's object, kept alive meanwhile without a lock.
template <typename Operation>
Status run_copy(smem_shm_t handle, const char* what, const Operation& operation) {
    const auto object = ShmProcess::instance().objects().pin(from_shm_handle(handle));
    return object ? operation(*object) : ShmProcess::instance().handle_failure(handle, what);
}

}  // namespace

extern "C" {

int32_t smem_shm_config_init(smem_shm_config_t* config) {
    return guarded([&] {
        if (config == nullptr) {
            return Status(Code::kInvalidParam, "smem_shm_config_init: the configuration is null");
        }
        *config = smem_shm_config_t{};
        config->shmInitTimeout = kDefaultTimeout;
        config->shmCreateTimeout = kDefaultTimeout;
        config->controlOperationTimeout = kDefaultTimeout;
        config->startConfigStore = true;
        return Status();
    });
}

int32_t smem_shm_init(const char* configStoreIpPort, uint32_t worldSize, uint32_t rankId, uint16_t deviceId,
                      smem_shm_config_t* config) {
    return guarded([&] {
        if (configStoreIpPort == nullptr || config == nullptr) {
            return failure(Code::kInvalidParam, "initializing SHM: the {} is null",
                           configStoreIpPort == nullptr ? "store URL" : "configuration");
        }
        WorldConfig world;
        world.store_url = configStoreIpPort;
        world.world_size = worldSize;
        world.rank = rankId;
        world.device_id = deviceId;
        world.start_store = config->startConfigStore;
        world.init_timeout = std::chrono::seconds(config->shmInitTimeout);
        world.create_timeout = std::chrono::seconds(config->shmCreateTimeout);
        world.control_timeout = std::chrono::seconds(config->controlOperationTimeout);
        return ShmProcess::instance()
            .start(std::move(world))
            .with_context(fmt::format("initializing SHM with the store at '{}'", configStoreIpPort));
    });
}

void smem_shm_uninit(uint32_t) {
    static_cast<void>(guarded([] {
        ShmProcess::instance().stop();
        return Status();
    }));
}

uint32_t smem_shm_query_support_data_operation(void) {
    return ShmProcess::instance().supported_reach();
}

smem_shm_t smem_shm_create(uint32_t id, uint32_t rankSize, uint32_t rankId, uint64_t symmetricSize,
                           smem_shm_data_op_type dataOpType, uint32_t, void** gva) {
    return guarded_value<smem_shm_t>(nullptr, [&]() -> Result<smem_shm_t> {
        return create(id,
                      {.rank = rankId, .rank_size = rankSize, .symmetric_size = symmetricSize, .problem = {}},
                      static_cast<uint32_t>(dataOpType), gva);
    });
}

smem_shm_t mf_private_shm_create(uint32_t id, uint32_t rankSize, uint32_t rankId, uint64_t symmetricSize,
                                 uint64_t committedSize, void** gva) {
    return guarded_value<smem_shm_t>(nullptr, [&]() -> Result<smem_shm_t> {
        return create(id,
                      {.rank = rankId,
                       .rank_size = rankSize,
                       .symmetric_size = symmetricSize,
                       .problem = {},
                       .committed_size = committedSize},
                      SMEMS_DATA_OP_MTE, gva);
    });
}

int32_t smem_shm_destroy(smem_shm_t handle, uint32_t) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "destroying an SHM object"));
        return ShmProcess::instance().destroy(from_shm_handle(handle), object->control_deadline());
    });
}

int32_t smem_shm_set_extra_context(smem_shm_t handle, const void* context, uint32_t size) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "setting the context of an SHM object"));
        if (context == nullptr) {
            return failure(Code::kInvalidParam, "setting the context of SHM {}: it is null", object->id());
        }
        return object->set_context({static_cast<const std::byte*>(context), size});
    });
}

int32_t smem_shm_get_extra_context(smem_shm_t handle, void* context, uint32_t* size) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "asking for the context of an SHM object"));
        if (size == nullptr) {
            return failure(Code::kInvalidParam, "asking for the context of SHM {}: size is null",
                           object->id());
        }
        const std::vector<std::byte> kept = object->context();
        const uint32_t room = *size;
        *size = static_cast<uint32_t>(kept.size());
        if (context == nullptr) {
            return {};
        }
        if (room < kept.size()) {
            return failure(Code::kInvalidParam,
                           "asking for the context of SHM {}: it has {} bytes, there is room for {}",
                           object->id(), kept.size(), room);
        }
        std::memcpy(context, kept.data(), kept.size());
        return {};
    });
}

uint32_t smem_shm_get_global_rank(smem_shm_t handle) {
    return guarded_value(kNoRank, [&]() -> Result<uint32_t> {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "asking for the rank in an SHM object"));
        return object->rank();
    });
}

uint32_t smem_shm_get_global_rank_size(smem_shm_t handle) {
    return guarded_value(kNoRank, [&]() -> Result<uint32_t> {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "asking for the ranks of an SHM object"));
        return object->rank_size();
    });
}

int32_t smem_shm_control_barrier(smem_shm_t handle) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "barrier of an SHM object"));
        return object->barrier();
    });
}

int32_t smem_shm_control_allgather(smem_shm_t handle, const char* sendBuf, uint32_t sendSize, char* recvBuf,
                                   uint32_t recvSize) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "allgather of an SHM object"));
        if (sendBuf == nullptr || recvBuf == nullptr) {
            return failure(Code::kInvalidParam, "allgather of SHM {}: the {} buffer is null", object->id(),
                           sendBuf == nullptr ? "send" : "receive");
        }
        return all_gather(*object, sendBuf, sendSize, recvBuf, recvSize);
    });
}

int32_t smem_shm_topology_can_reach(smem_shm_t handle, uint32_t remoteRank, uint32_t* reachInfo) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "asking how a rank is reached"));
        if (reachInfo == nullptr) {
            return {Code::kInvalidParam, "asking how a rank is reached: reachInfo is null"};
        }
        MF_ASSIGN_OR_RETURN(*reachInfo, object->reach(remoteRank));
        return {};
    });
}

int32_t smem_shm_register_exit(smem_shm_t handle, void (*exit)(int)) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "registering an exit function"));
        if (exit == nullptr) {
            return {Code::kInvalidParam, "registering an exit function: it is null"};
        }
        return object->set_exit_handler(exit);
    });
}

void smem_shm_global_exit(smem_shm_t handle, int status) {
    static_cast<void>(guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object, find(handle, "announcing the exit"));
        return object->announce_exit(status);
    }));
}

int32_t smem_shm_put(smem_shm_t handle, void* dest, const void* src, size_t size) {
    return guarded([&] {
        return run_copy(handle, "putting into an SHM object",
                        [&](SharedMemory& object) { return object.put(dest, src, size); });
    });
}

int32_t smem_shm_get(smem_shm_t handle, void* dest, const void* src, size_t size) {
    return guarded([&] {
        return run_copy(handle, "getting from an SHM object",
                        [&](SharedMemory& object) { return object.get(dest, src, size); });
    });
}

}  // extern "C"
