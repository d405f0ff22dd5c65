// SPDX-License-Identifier: Apache-2.0
// The data operations of smem_bm.h.
#include <vector>

#include "capi/bm_handle.h"
#include "capi/report.h"
#include "smem_bm.h"

using memfabric::Code;
using memfabric::Deadline;
using memfabric::failure;
using memfabric::Status;
using memfabric::bm::BigMemory;
using memfabric::bm::CopyOptions;
using memfabric::bm::Direction;
using memfabric::capi::bm_handle_failure;
using memfabric::capi::from_handle;
using memfabric::capi::guarded;
using memfabric::capi::Process;
using memfabric::copy::Piece;
using memfabric::copy::Temperature;

namespace {

constexpr const char* kWhat = "copying in a BM";

CopyOptions to_options(uint32_t flags) {
    CopyOptions options;
    options.asynchronous = (flags & ASYNC_COPY_FLAG) != 0;
    if ((flags & (SMEM_COPY_FLAG_COLD | SMEM_COPY_FLAG_HOT)) != 0) [[unlikely]] {
        options.temperature = (flags & SMEM_COPY_FLAG_COLD) != 0 ? Temperature::kCold : Temperature::kHot;
    }
    return options;
}

/// Runs `operation` on the handle's object, kept alive meanwhile, with no lock and nothing allocated on
/// success.
template <typename Params, typename Operation>
Status run_copy(smem_bm_t handle, const Params* params, smem_bm_copy_type type, const Operation& operation) {
    if (handle == nullptr || params == nullptr) [[unlikely]] {
        return handle == nullptr ? bm_handle_failure(handle, kWhat)
                                 : failure(Code::kInvalidParam, "{}: the parameters are null", kWhat);
    }
    if (static_cast<uint32_t>(type) >= static_cast<uint32_t>(Direction::kCount)) [[unlikely]] {
        return failure(Code::kInvalidParam, "{}: copy type {} is unknown", kWhat,
                       static_cast<uint32_t>(type));
    }
    const auto object = Process::instance().bm_objects().pin(from_handle(handle));
    if (!object) [[unlikely]] {
        return bm_handle_failure(handle, kWhat);
    }
    return operation(*object, static_cast<Direction>(type));
}

Status copy_batch(BigMemory& object, const smem_batch_copy_params& params, Direction direction,
                  uint32_t flags) {
    if (params.sources == nullptr || params.destinations == nullptr || params.dataSizes == nullptr ||
        params.batchSize == 0) {
        return failure(
            Code::kInvalidParam,
            "{}: a batch needs sources, destinations, sizes and at least one piece; it has {} pieces", kWhat,
            params.batchSize);
    }
    std::vector<Piece> pieces(params.batchSize);
    for (uint32_t i = 0; i < params.batchSize; ++i) {
        pieces[i] = {static_cast<std::byte*>(params.destinations[i]),
                     static_cast<const std::byte*>(params.sources[i]), params.dataSizes[i]};
    }
    return object.copy_batch(pieces, direction, to_options(flags));
}

}  // namespace

extern "C" {

int32_t smem_bm_copy(smem_bm_t handle, smem_copy_params* params, smem_bm_copy_type t, uint32_t flags) {
    return guarded([&] {
        return run_copy(handle, params, t, [&](BigMemory& object, Direction direction) {
            return object.copy(params->src, params->dest, params->count, direction, to_options(flags));
        });
    });
}

int32_t smem_bm_copy_2d(smem_bm_t handle, smem_copy_2d_params* params, smem_bm_copy_type t, uint32_t flags) {
    return guarded([&] {
        return run_copy(handle, params, t, [&](BigMemory& object, Direction direction) {
            return object.copy_rows(
                {params->src, params->spitch, params->dest, params->dpitch, params->width, params->height},
                direction, to_options(flags));
        });
    });
}

int32_t smem_bm_copy_batch(smem_bm_t handle, smem_batch_copy_params* params, smem_bm_copy_type t,
                           uint32_t flags) {
    return guarded([&] {
        return run_copy(handle, params, t, [&](BigMemory& object, Direction direction) {
            return copy_batch(object, *params, direction, flags);
        });
    });
}

int32_t smem_bm_wait(smem_bm_t handle) {
    return guarded([&]() -> Status {
        MF_ASSIGN_OR_RETURN(const auto object,
                            memfabric::capi::find_bm(handle, "waiting for copies in a BM"));
        return object->wait(Deadline::after(object->control_timeout()));
    });
}

}  // extern "C"
