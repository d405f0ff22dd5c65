// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/registration.h"

#include <rdma/fi_errno.h>
#include <sys/random.h>

#include <cerrno>
#include <utility>

namespace memfabric::transport {

Result<uint64_t> random_number() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
        return failure(Code::kError, "getrandom failed: {}", errno_text(errno));
    }
    return number;
}

namespace {

uint64_t mask_of(const fi_info& info) {
    const size_t bytes = info.domain_attr->mr_key_size;
    return bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * bytes)) - 1;
}

/// Null where the key is taken.
Result<FidPtr<fid_mr>> try_register(fid_domain& domain, std::span<std::byte> memory, uint64_t access,
                                    uint64_t key) {
    fid_mr* region = nullptr;
    const int code = fi_mr_reg(&domain, memory.data(), memory.size(), access, 0, key, 0, &region, nullptr);
    if (code != 0 && code != -FI_ENOKEY) {
        return failure(errno_code(-code), "registering {} bytes at {} with the fabric failed: {}",
                       memory.size(), static_cast<const void*>(memory.data()), fi_strerror(-code));
    }
    return FidPtr<fid_mr>(region);
}

/// Of a range that begins at address 0 each offset is an address.
std::span<std::byte> as_registered(std::span<std::byte> memory, uint64_t simulated) {
    if ((simulated & FI_MR_VIRT_ADDR) == 0) {
        return memory;
    }
    return {static_cast<std::byte*>(nullptr), reinterpret_cast<size_t>(memory.data() + memory.size())};
}

}  // namespace

/// Draws again where the key is taken.
Result<FidPtr<fid_mr>> register_memory(fid_domain& domain, const fi_info& info, std::span<std::byte> memory,
                                       uint64_t access) {
    FidPtr<fid_mr> region;
    while (region == nullptr) {
        MF_ASSIGN_OR_RETURN(const uint64_t key, random_number());
        MF_ASSIGN_OR_RETURN(region, try_register(domain, memory, access, key & mask_of(info)));
    }
    return region;
}

Result<std::vector<FidPtr<fid_mr>>> register_memory(const FabricRails& rails, std::span<std::byte> memory,
                                                    uint64_t access) {
    const uint64_t simulated = rails.front().simulated;
    std::vector<fid_domain*> domains;
    for (const FabricRail& rail : rails) {
        domains.insert(domains.end(), rail.targets.begin(), rail.targets.end());
    }
    std::vector<FidPtr<fid_mr>> regions;
    while (regions.size() < domains.size()) {
        regions.clear();
        MF_ASSIGN_OR_RETURN(auto first, register_memory(*domains.front(), *rails.front().info,
                                                        as_registered(memory, simulated), access));
        const uint64_t key = fi_mr_key(first.get());
        regions.push_back(std::move(first));
        for (size_t i = 1; i < domains.size(); ++i) {
            const uint64_t wanted = (simulated & FI_MR_PROV_KEY) != 0 ? ~key : key;
            MF_ASSIGN_OR_RETURN(auto region,
                                try_register(*domains[i], as_registered(memory, simulated), access, wanted));
            if (region == nullptr) {
                break;
            }
            regions.push_back(std::move(region));
        }
    }
    return regions;
}

}  // namespace memfabric::transport
