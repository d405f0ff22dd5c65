// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "trans/remote_messages.h"
#include "transport/remote_memory.h"

namespace memfabric::trans {

/// An initiator on another host that was told keys to our memory. Thread-safe.
class Holder {
 public:
    explicit Holder(Initiator from) : from_(std::move(from)) {}

    const std::string& name() const { return from_.name; }

    /// Tells it that the keys are going to end.
    Result<RevokeAnswer> revoke(transport::RemoteMemory& memory, uint64_t target,
                                std::span<const uint64_t> keys, Deadline deadline);

 private:
    Result<std::shared_ptr<transport::RemotePeer>> peer(transport::RemoteMemory& memory);

    const Initiator from_;
    std::mutex mutex_;
    std::shared_ptr<transport::RemotePeer> peer_;  // guarded by mutex_
};

}  // namespace memfabric::trans
