// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/registration.h"

#include <rdma/fi_errno.h>
#include <sys/random.h>

#include <cerrno>

namespace memfabric::transport {

Result<uint64_t> random_number() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
        return failure(Code::kError, "getrandom failed: {}", errno_text(errno));
    }
    return number;
}

/// Draws again where the key is taken.
Result<FidPtr<fid_mr>> register_memory(fid_domain& domain, const fi_info& info, std::span<std::byte> memory,
                                       uint64_t access) {
    const size_t bytes = info.domain_attr->mr_key_size;
    const uint64_t mask = bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * bytes)) - 1;
    for (;;) {
        MF_ASSIGN_OR_RETURN(const uint64_t key, random_number());
        fid_mr* region = nullptr;
        const int code =
            fi_mr_reg(&domain, memory.data(), memory.size(), access, 0, key & mask, 0, &region, nullptr);
        if (code == 0) {
            return FidPtr<fid_mr>(region);
        }
        if (code != -FI_ENOKEY) {
            return failure(Code::kError, "registering {} bytes at {} with the fabric failed: {}",
                           memory.size(), static_cast<const void*>(memory.data()), fi_strerror(-code));
        }
    }
}

}  // namespace memfabric::transport
