// SPDX-License-Identifier: Apache-2.0
// The control functions of smem_trans.h; the transfers are in trans_transfer.cc.
#include <limits>

#include "capi/report.h"
#include "capi/trans_handle.h"
#include "smem_trans.h"

using memfabric::Code;
using memfabric::Deadline;
using memfabric::failure;
using memfabric::Result;
using memfabric::Status;
using memfabric::capi::find_engine;
using memfabric::capi::from_trans_handle;
using memfabric::capi::guarded;
using memfabric::capi::guarded_value;
using memfabric::capi::to_trans_handle;
using memfabric::capi::TransProcess;
using memfabric::memory::AddressRange;

namespace {

constexpr uint32_t kDefaultTimeout = 120;  // seconds
constexpr const char* kRegistering = "registering memory for transfers";

Status check_config(const smem_trans_config_t* config) {
    if (config == nullptr) {
        return {Code::kInvalidParam, "the configuration is null, fill one by smem_trans_config_init"};
    }
    if (config->initTimeout == 0) {
        return {Code::kInvalidParam, "initTimeout is 0 seconds, at least 1 is needed"};
    }
    if (static_cast<uint32_t>(config->role) >= static_cast<uint32_t>(SMEM_TRANS_BUTT)) {
        return failure(Code::kInvalidParam, "role {} is unknown, it is one of smem_trans_role_t",
                       static_cast<uint32_t>(config->role));
    }
    return {};
}

AddressRange to_range(const void* address, size_t size) {
    return {reinterpret_cast<uint64_t>(address), size};
}

}  // namespace

extern "C" {

int32_t smem_trans_config_init(smem_trans_config_t* config) {
    return guarded([&] {
        if (config == nullptr) {
            return Status(Code::kInvalidParam, "smem_trans_config_init: the configuration is null");
        }
        *config = smem_trans_config_t{};
        config->role = SMEM_TRANS_NONE;
        config->initTimeout = kDefaultTimeout;
        config->deviceId = std::numeric_limits<uint32_t>::max();
        return Status();
    });
}

int32_t smem_trans_init(const smem_trans_config_t* config) {
    return guarded([&] { return check_config(config).with_context("initializing TRANS"); });
}

smem_trans_t smem_trans_create(const char* storeUrl, const char* uniqueId,
                               const smem_trans_config_t* config) {
    return guarded_value<smem_trans_t>(nullptr, [&]() -> Result<smem_trans_t> {
        if (storeUrl == nullptr || uniqueId == nullptr) {
            return failure(Code::kInvalidParam, "opening a transfer session: the {} is null",
                           storeUrl == nullptr ? "store URL" : "session's name");
        }
        Status checked = check_config(config);
        if (checked.is_ok()) {
            const auto handle = TransProcess::instance().open(storeUrl, uniqueId,
                                                              Deadline::after_seconds(config->initTimeout));
            if (handle.is_ok()) {
                return to_trans_handle(*handle);
            }
            checked = handle.status();
        }
        return checked.with_context(
            fmt::format("opening transfer session '{}' at store '{}'", uniqueId, storeUrl));
    });
}

void smem_trans_destroy(smem_trans_t handle, uint32_t) {
    static_cast<void>(guarded([&] {
        return TransProcess::instance()
            .close(from_trans_handle(handle))
            .with_context("destroying a transfer session");
    }));
}

void smem_trans_uninit(uint32_t) {
    static_cast<void>(guarded([] {
        TransProcess::instance().close_all();
        return Status();
    }));
}

void* smem_trans_malloc(smem_trans_t handle, size_t size, uint32_t) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, "allocating memory for transfers"));
        MF_ASSIGN_OR_RETURN(const uint64_t address, engine->allocate(size));
        return reinterpret_cast<void*>(address);
    });
}

int32_t smem_trans_free(smem_trans_t handle, void* address) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, "freeing memory for transfers"));
        return engine
            ->release(reinterpret_cast<uint64_t>(address), Deadline::after(engine->operation_timeout()))
            .with_context("freeing memory for transfers");
    });
}

int32_t smem_trans_register_mem(smem_trans_t handle, void* address, size_t capacity, uint32_t) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, kRegistering));
        const AddressRange range = to_range(address, capacity);
        return engine->register_memory({&range, 1}).with_context(kRegistering);
    });
}

int32_t smem_trans_batch_register_mem(smem_trans_t handle, void* addresses[], size_t capacities[],
                                      uint32_t count, uint32_t) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, kRegistering));
        if (addresses == nullptr || capacities == nullptr || count == 0) {
            return failure(Code::kInvalidParam, "{}: {}", kRegistering,
                           count == 0 ? "the batch is empty" : "an array is null");
        }
        std::vector<AddressRange> ranges(count);
        for (uint32_t i = 0; i < count; ++i) {
            ranges[i] = to_range(addresses[i], capacities[i]);
        }
        return engine->register_memory(ranges).with_context(kRegistering);
    });
}

int32_t smem_trans_deregister_mem(smem_trans_t handle, void* address) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, "deregistering memory"));
        if (address == nullptr) {
            return failure(Code::kInvalidParam, "deregistering memory: the address is null");
        }
        return engine
            ->deregister_memory(reinterpret_cast<uint64_t>(address),
                                Deadline::after(engine->operation_timeout()))
            .with_context("deregistering memory");
    });
}

}  // extern "C"
