// SPDX-License-Identifier: Apache-2.0
// What libmf_shmem uses of SHM objects whose ranks live on several hosts.
#include <functional>
#include <memory>
#include <utility>

#include "capi/private_api.h"
#include "capi/report.h"
#include "capi/shm_process.h"

using memfabric::Status;
using memfabric::capi::from_shm_handle;
using memfabric::capi::guarded;
using memfabric::capi::ShmProcess;
using memfabric::copy::Rows;
using memfabric::shm::SharedMemory;

namespace {

/// Runs `operation` on the handle's object, kept alive meanwhile without a lock.
template <typename Operation>
int32_t run(smem_shm_t handle, const char* what, const Operation& operation) {
    return guarded([&]() -> Status {
        const auto object = ShmProcess::instance().objects().pin(from_shm_handle(handle));
        return object ? operation(*object) : ShmProcess::instance().handle_failure(handle, what);
    });
}

Rows rows_of(void* dest, size_t dest_pitch, const void* src, size_t src_pitch, size_t width, size_t height) {
    return {static_cast<std::byte*>(dest),
            dest_pitch,
            static_cast<const std::byte*>(src),
            src_pitch,
            width,
            height};
}

}  // namespace

struct mf_private_post {
    std::unique_ptr<SharedMemory::Post> begun;
};

extern "C" {

int32_t mf_private_shm_post(smem_shm_t handle, void* dest, const void* src, size_t size, int32_t word,
                            mf_private_post** post) {
    *post = nullptr;
    const auto asked = word != 0 ? SharedMemory::Word::kAsked : SharedMemory::Word::kNone;
    return run(handle, "putting a message into an SHM object", [&](SharedMemory& object) -> Status {
        MF_ASSIGN_OR_RETURN(auto begun, object.post(dest, src, size, asked));
        if (begun != nullptr) {
            *post = std::make_unique<mf_private_post>(mf_private_post{std::move(begun)}).release();
        }
        return {};
    });
}

int32_t mf_private_shm_post_is_done(const mf_private_post* post) {
    return post->begun->transfer->is_done() ? 1 : 0;
}

int32_t mf_private_shm_end_post(smem_shm_t handle, mf_private_post* post) {
    const std::unique_ptr<mf_private_post> owned(post);
    return run(handle, "waiting for a message to an SHM object",
               [&](SharedMemory& object) { return object.end_post(*owned->begun); });
}

void mf_private_shm_settle_post(mf_private_post* post) {
    const std::unique_ptr<mf_private_post> owned(post);
    SharedMemory::settle_post(*owned->begun);
}

int32_t mf_private_shm_put_nbi(smem_shm_t handle, void* dest, const void* src, size_t size) {
    return run(handle, "putting into an SHM object",
               [&](SharedMemory& object) { return object.begin_put(dest, src, size); });
}

int32_t mf_private_shm_get_nbi(smem_shm_t handle, void* dest, const void* src, size_t size) {
    return run(handle, "getting from an SHM object",
               [&](SharedMemory& object) { return object.begin_get(dest, src, size); });
}

int32_t mf_private_shm_quiet(smem_shm_t handle) {
    return run(handle, "waiting for copies in an SHM object",
               [&](SharedMemory& object) { return object.quiet(); });
}

int32_t mf_private_shm_atomic(smem_shm_t handle, void* gva, uint32_t size, uint32_t kind, uint64_t operand,
                              uint64_t comparand, uint64_t* old) {
    return run(handle, "atomic operation in an SHM object", [&](SharedMemory& object) -> Status {
        MF_ASSIGN_OR_RETURN(const uint64_t before, object.update(gva, {size, kind, operand, comparand}));
        if (old != nullptr) {
            *old = before;
        }
        return {};
    });
}

int32_t mf_private_shm_put_rows(smem_shm_t handle, void* dest, size_t destPitch, const void* src,
                                size_t srcPitch, size_t width, size_t height) {
    return run(handle, "putting rows into an SHM object", [&](SharedMemory& object) {
        return object.put_rows(rows_of(dest, destPitch, src, srcPitch, width, height));
    });
}

int32_t mf_private_shm_get_rows(smem_shm_t handle, void* dest, size_t destPitch, const void* src,
                                size_t srcPitch, size_t width, size_t height) {
    return run(handle, "getting rows from an SHM object", [&](SharedMemory& object) {
        return object.get_rows(rows_of(dest, destPitch, src, srcPitch, width, height));
    });
}

int32_t mf_private_shm_on_activity(smem_shm_t handle, void (*changed)(void* context), void* context) {
    return run(handle, "listening to what changes an SHM object", [&](SharedMemory& object) {
        object.set_activity_handler(changed == nullptr ? std::function<void()>()
                                                       : [changed, context] { changed(context); });
        return Status();
    });
}

void mf_private_shm_poll(smem_shm_t handle) {
    static_cast<void>(run(handle, "looking at what comes in for an SHM object", [&](SharedMemory& object) {
        object.poll();
        return Status();
    }));
}

}  // extern "C"
