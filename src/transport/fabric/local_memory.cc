// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/local_memory.h"

#include <cstring>
#include <utility>

#include "transport/fabric/registration.h"

namespace memfabric::transport {
namespace {

constexpr uint64_t kWeMay = FI_READ | FI_WRITE;

}  // namespace

Result<std::unique_ptr<LocalMemory>> LocalMemory::open(fid_domain& domain, const fi_info& info,
                                                       size_t places) {
    std::unique_ptr<LocalMemory> memory(new LocalMemory(domain, info));
    const size_t size = places * kRegisterFrom;
    memory->bounce_ = std::make_unique<std::byte[]>(size);
    MF_ASSIGN_OR_RETURN(memory->bounce_registration_,
                        register_memory(domain, info, {memory->bounce_.get(), size}, kWeMay));
    memory->registrations_.resize(places);
    return memory;
}

Status LocalMemory::prepare(size_t place, FabricFlow flow, const FabricOperation& operation,
                            std::span<iovec> local, std::span<void*> descriptors) {
    std::byte* bounce = bounce_of(place);
    for (size_t i = 0; i < operation.count; ++i) {
        const FabricPiece& piece = operation.pieces[i];
        if (operation.size < kRegisterFrom) {
            if (flow == FabricFlow::kPut) {
                std::memcpy(bounce, piece.local, piece.size);
            }
            local[i] = {bounce, piece.size};
            descriptors[i] = fi_mr_desc(bounce_registration_.get());
            bounce += piece.size;
            continue;
        }
        auto registered = register_memory(domain_, info_, {piece.local, piece.size}, kWeMay);
        if (!registered.is_ok()) {
            drop(place);
            return std::move(registered).status();
        }
        local[i] = {piece.local, piece.size};
        descriptors[i] = fi_mr_desc(registered->get());
        registrations_[place].push_back(std::move(registered).value());
    }
    return {};
}

void LocalMemory::finish(size_t place, FabricFlow flow, const FabricOperation& operation) {
    if (flow == FabricFlow::kGet && operation.size < kRegisterFrom) {
        const std::byte* bounce = bounce_of(place);
        for (size_t i = 0; i < operation.count; ++i) {
            std::memcpy(operation.pieces[i].local, bounce, operation.pieces[i].size);
            bounce += operation.pieces[i].size;
        }
    }
    drop(place);
}

void LocalMemory::drop(size_t place) {
    registrations_[place].clear();
}

}  // namespace memfabric::transport
