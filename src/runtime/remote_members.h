// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "store/client.h"
#include "transport/remote_memory.h"

namespace memfabric {

/// A rank of an object that lives on another host.
struct RemoteMember {
    uint32_t rank = 0;
    uint64_t epoch = 0;  // of its entry: a successor has another one
    std::string host;
    Status problem;  // why it cannot be reached; else peer and region say how
    std::shared_ptr<transport::RemotePeer> peer;
    transport::RemoteRegion region;
};

/// By rank; null where the rank is no member, or lives on this host.
using RemoteTable = std::vector<std::shared_ptr<const RemoteMember>>;

/// The ranks of one object that live on other hosts, and this process's rank for them. They hear of each
/// other through a group of the store, which a rank enters once its memory is there and leaves before it is
/// given back. Any thread may call everything; enter and exit exclude one another.
class RemoteMembers : public std::enable_shared_from_this<RemoteMembers> {
 public:
    /// `object` as in texts and names of groups: "bm/3". The store outlives this.
    RemoteMembers(store::Client& store, std::shared_ptr<transport::RemoteMemory> transport,
                  const std::string& object, std::string host_id, uint32_t slots);

    /// Exposes the rank's region and learns where the others' are.
    Status enter(uint32_t rank, std::span<std::byte> region, Deadline deadline);
    /// On return nobody reads or writes the region from outside, also where it failed to tell the store.
    Status exit(Deadline deadline);

    /// Returns when everything is known that the store knew at the call. Not on the store's own thread.
    Status catch_up(Deadline deadline);

    /// Whether there is any. A plain load.
    bool any() const { return count_.load(std::memory_order_acquire) != 0; }
    /// As they are now; the table never changes.
    std::shared_ptr<const RemoteTable> table() const;
    /// 0 where the rank is no remote member. A plain load.
    uint64_t epoch(uint32_t rank) const { return epochs_[rank].load(std::memory_order_acquire); }

    transport::RemoteMemory& transport() { return *transport_; }

 private:
    void on_event(const store::MemberEvent& event);
    void add(const store::Member& member);
    void remove(const store::Member& member, bool lost);
    void replace(uint32_t rank, std::shared_ptr<const RemoteMember> member);
    RemoteMember describe(const store::Member& member) const;

    store::Client& store_;
    const std::shared_ptr<transport::RemoteMemory> transport_;
    const std::string object_;
    const std::string group_;
    const std::string host_id_;
    const uint32_t slots_;
    std::atomic<uint32_t> count_{0};
    std::vector<std::atomic<uint64_t>> epochs_;  // of table_, by rank
    mutable std::mutex mutex_;
    std::shared_ptr<const RemoteTable> table_;  // guarded by mutex_
    std::vector<uint64_t> gone_;                // by rank: its latest epoch that ended; by mutex_
    std::mutex control_mutex_;
    bool entered_ = false;                               // guarded by control_mutex_
    std::unique_ptr<transport::ExposedMemory> exposed_;  // guarded by control_mutex_
};

}  // namespace memfabric
