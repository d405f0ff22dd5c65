// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/exposures.h"

#include <algorithm>
#include <mutex>

namespace memfabric::transport {

void Exposures::add(uint64_t key, std::span<std::byte> memory) {
    const std::scoped_lock guard(mutex_);
    memory_[key] = memory;
}

void Exposures::remove(uint64_t key) {
    const std::scoped_lock guard(mutex_);
    if (memory_.erase(key) > 0) {
        revoked_[revocations_++ % kRemembered] = key;
    }
}

Result<std::byte*> Exposures::find(uint64_t key, uint64_t offset, uint64_t size) const {
    const auto found = memory_.find(key);
    if (found == memory_.end()) {
        const size_t known = std::min(revocations_, kRemembered);
        const bool stale = std::ranges::count(std::span(revoked_).first(known), key) > 0;
        return failure(Code::kRefused, "{}",
                       stale ? "the owner has revoked that memory: the key is stale"
                             : "the owner does not know the key: it belongs to memory revoked long ago, to "
                               "another life of that process, or to nothing");
    }
    const std::span<std::byte> memory = found->second;
    if (offset > memory.size() || size > memory.size() - offset) {
        return failure(Code::kInvalidParam, "{} bytes at offset {} are not inside its memory of {} bytes",
                       size, offset, memory.size());
    }
    return memory.data() + offset;
}

Status Exposures::use(uint64_t key, uint64_t offset, uint64_t size,
                      const std::function<void(std::byte*)>& body) const {
    const std::shared_lock guard(mutex_);
    MF_ASSIGN_OR_RETURN(std::byte* const place, find(key, offset, size));
    body(place);
    return {};
}

}  // namespace memfabric::transport
