// SPDX-License-Identifier: Apache-2.0
#include "trans/holder.h"

#include <algorithm>

namespace memfabric::trans {

Result<std::shared_ptr<transport::RemotePeer>> Holder::peer(transport::RemoteMemory& memory) {
    const std::lock_guard lock(mutex_);
    if (peer_ == nullptr) {
        MF_ASSIGN_OR_RETURN(peer_, memory.connect(from_.address, from_.name));
    }
    return peer_;
}

Result<RevokeAnswer> Holder::revoke(transport::RemoteMemory& memory, uint64_t target,
                                    std::span<const uint64_t> keys, Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const std::shared_ptr<transport::RemotePeer> reached, peer(memory));
    RevokeAnswer all;
    while (!keys.empty()) {
        const std::span<const uint64_t> part = keys.first(std::min(keys.size(), kMostRevoked));
        const RevokeRequest request{target, from_.instance, {part.begin(), part.end()}};
        MF_ASSIGN_OR_RETURN(const std::string bytes,
                            memory.request(*reached, from_.service, encode(request), deadline));
        MF_ASSIGN_OR_RETURN(const RevokeAnswer answer, decode_revoke(bytes));
        all.busy |= answer.busy;
        all.dirty |= answer.dirty;
        keys = keys.subspan(part.size());
    }
    return all;
}

}  // namespace memfabric::trans
