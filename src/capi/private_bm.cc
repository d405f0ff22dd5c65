// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "capi/bm_handle.h"
#include "capi/private_api.h"
#include "capi/report.h"

using memfabric::AttachedWindow;
using memfabric::Code;
using memfabric::failure;
using memfabric::Result;
using memfabric::capi::find_bm;
using memfabric::capi::guarded_value;

namespace {

using View = std::shared_ptr<AttachedWindow>;

}  // namespace

extern "C" {

void* mf_private_bm_retain_view(smem_bm_t handle, uint64_t address, uint64_t size) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(const auto object, find_bm(handle, "viewing memory of a BM"));
        const auto range = object->window().range();
        if (!range.contains(address, size)) {
            return failure(Code::kInvalidParam,
                           "viewing memory of BM {}: {:#x} + {} bytes lies outside the window {:#x} to {:#x}",
                           object->id(), address, size, range.begin, range.end());
        }
        MF_RETURN_IF_ERROR(object->check_mapped("viewing memory of", address, size));
        return std::make_unique<View>(object->attached_window()).release();
    });
}

void mf_private_release_view(void* token) {
    // In a forked child the window is the parent's.
    if (token != nullptr && !memfabric::in_forked_child()) {
        const std::unique_ptr<View> view(static_cast<View*>(token));
    }
}

}  // extern "C"
