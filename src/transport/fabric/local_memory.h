// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "transport/fabric/fabric_operation.h"
#include "transport/fabric/fid.h"

namespace memfabric::transport {

/// The local side of operations where a provider demands that local memory is registered, too (FI_MR_LOCAL):
/// short ones go through registered memory of ours, long ones are registered for as long as they take.
/// Nothing is kept for later: whoever frees its memory does not tell us.
class LocalMemory {
 public:
    /// From so many bytes on, registering costs less than copying.
    static constexpr size_t kRegisterFrom = 16U << 10;

    /// For operations at so many places of a window.
    static Result<std::unique_ptr<LocalMemory>> open(fid_domain& domain, const fi_info& info, size_t places);

    /// Says what to hand to the engine for each piece. drop() or finish() follows.
    Status prepare(size_t place, FabricFlow flow, const FabricOperation& operation, std::span<iovec> local,
                   std::span<void*> descriptors);
    /// The operation has arrived.
    void finish(size_t place, FabricFlow flow, const FabricOperation& operation);
    /// It has not, or was never begun.
    void drop(size_t place);

 private:
    LocalMemory(fid_domain& domain, const fi_info& info) : domain_(domain), info_(info) {}
    std::byte* bounce_of(size_t place) { return bounce_.get() + place * kRegisterFrom; }

    fid_domain& domain_;
    const fi_info& info_;
    std::unique_ptr<std::byte[]> bounce_;
    FidPtr<fid_mr> bounce_registration_;
    std::vector<std::vector<FidPtr<fid_mr>>> registrations_;  // by place
};

}  // namespace memfabric::transport
