// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "runtime/remote_members.h"

namespace memfabric::shm {

/// A copy with a rank of another host that goes on without its caller.
struct BegunCopy {
    const RemoteMember* member = nullptr;  // outlives it
    bool is_put = false;
    uint64_t address = 0;  // in the window
    size_t size = 0;
    std::unique_ptr<transport::RemoteTransfer> transfer;
};

/// Those of one object. Any thread may call everything.
class BegunCopies {
 public:
    struct Failed {
        Status status;
        uint64_t address = 0;
        size_t size = 0;
    };

    /// Waits for an earlier one where too many are under way.
    void add(BegunCopy copy);

    /// Waits for all that were begun before the call. The first failure since the last call, if any.
    std::optional<Failed> wait_all();

    /// As wait_all(), but whatever is under way at the deadline is broken off. Nothing may be begun any more.
    void end(Deadline deadline);

 private:
    using Copies = std::deque<std::shared_ptr<BegunCopy>>;
    Copies current() const;
    void settle_ended();

    std::atomic<bool> any_{false};  // of copies_ and failed_; read without the lock
    mutable std::mutex mutex_;
    Copies copies_;                 // oldest first; guarded by mutex_
    std::optional<Failed> failed_;  // guarded by mutex_
};

}  // namespace memfabric::shm
