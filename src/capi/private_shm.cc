// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "capi/private_api.h"
#include "capi/report.h"
#include "capi/shm_process.h"

using memfabric::AttachedWindow;
using memfabric::Code;
using memfabric::failure;
using memfabric::Result;
using memfabric::Status;
using memfabric::capi::guarded;
using memfabric::capi::guarded_value;
using memfabric::capi::ShmProcess;

extern "C" {

void* mf_private_shm_retain_view(smem_shm_t handle, uint64_t address, uint64_t size) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "viewing memory of an SHM object"));
        const auto range = object->window().range();
        if (!range.contains(address, size)) {
            return failure(Code::kInvalidParam,
                           "viewing memory of SHM {}: {:#x} + {} bytes lies outside the object at {:#x} to "
                           "{:#x}",
                           object->id(), address, size, range.begin, range.end());
        }
        MF_RETURN_IF_ERROR(object->check_mapped("viewing memory of", address, size));
        return std::make_unique<std::shared_ptr<AttachedWindow>>(object->attached_window()).release();
    });
}

int32_t mf_private_shm_register_exit(smem_shm_t handle, void (*exit)(int status, void* context),
                                     void* context) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "registering an exit function"));
        return object->set_exit_handler([exit, context](int status) { exit(status, context); });
    });
}

int32_t mf_private_shm_commit(smem_shm_t handle, uint64_t offset, uint64_t size) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "taking memory for an SHM object"));
        return object->commit(offset, size);
    });
}

int32_t mf_private_shm_register_loss(smem_shm_t handle, void (*lost)(uint32_t rank)) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "registering a function for losses"));
        object->set_loss_handler(lost);
        return {};
    });
}

int32_t mf_private_shm_host(smem_shm_t handle, uint32_t rank) {
    uint32_t host = 0;
    const int32_t code = guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "asking for a rank's host in an SHM object"));
        MF_ASSIGN_OR_RETURN(host, object->host(rank));
        return {};
    });
    return code == 0 ? static_cast<int32_t>(host) : code;
}

int32_t mf_private_shm_discard(smem_shm_t handle, uint64_t offset, uint64_t size) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            ShmProcess::instance().find(handle, "giving memory of an SHM object back"));
        return object->discard(offset, size);
    });
}

}  // extern "C"
