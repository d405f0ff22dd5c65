// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fabric.h>

#include <memory>

namespace memfabric::transport {

struct CloseFid {
    template <typename T>
    void operator()(T* object) const {
        fi_close(&object->fid);
    }
};

/// Owns one object of libfabric.
template <typename T>
using FidPtr = std::unique_ptr<T, CloseFid>;

struct FreeInfo {
    void operator()(fi_info* info) const { fi_freeinfo(info); }
};
using InfoPtr = std::unique_ptr<fi_info, FreeInfo>;

}  // namespace memfabric::transport
