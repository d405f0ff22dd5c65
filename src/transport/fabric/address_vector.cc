// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/address_vector.h"

#include <rdma/fi_domain.h>

#include <cstddef>

#include "base/room.h"

namespace memfabric::transport {
namespace {

// More than a table of addresses grows by.
constexpr size_t kRoom = size_t{1} << 20;

}  // namespace

Result<fi_addr_t> insert_address(fid_av& addresses, std::string_view peer_address) {
    MF_RETURN_IF_ERROR(check_room(0, kRoom));
    fi_addr_t inserted = FI_ADDR_UNSPEC;
    if (fi_av_insert(&addresses, peer_address.data(), 1, &inserted, 0, nullptr) != 1) {
        MF_RETURN_IF_ERROR(check_room(0, kRoom));  // libfabric does not say what it ran short of
        return failure(Code::kInvalidParam, "libfabric takes the {} bytes of a peer's address for none",
                       peer_address.size());
    }
    return inserted;
}

}  // namespace memfabric::transport
