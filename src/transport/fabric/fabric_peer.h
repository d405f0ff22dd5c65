// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "transport/fabric/peer_contact.h"

namespace memfabric::transport {

/// One life of one peer process: where our endpoints reach it. Shared and thread-safe; made without traffic.
class FabricPeer {
 public:
    /// How one lane reaches it.
    struct Way {
        std::string address;  // where the peer listens
        uint64_t handle = 0;  // in the lane's address vector
    };

    FabricPeer(std::string name, std::vector<Way> ways, std::unique_ptr<PeerContact> contact)
        : name_(std::move(name)), ways_(std::move(ways)), contact_(std::move(contact)) {}

    /// For texts: "rank 3 on host x".
    const std::string& name() const { return name_; }
    const std::vector<Way>& ways() const { return ways_; }  // a lane each
    const Way& way(size_t lane) const { return ways_[lane]; }
    PeerContact& contact() { return *contact_; }

    /// The process is known to be gone: what is under way with it, and what comes, ends with the reason.
    void abandon(const Status& reason) {
        const std::lock_guard lock(mutex_);
        if (!is_abandoned_) {
            reason_ = reason;
            is_abandoned_.store(true, std::memory_order_release);
        }
    }
    /// Why it is known to be gone.
    Status problem() const { return is_abandoned_.load(std::memory_order_acquire) ? reason_ : Status(); }

 private:
    const std::string name_;
    const std::vector<Way> ways_;
    const std::unique_ptr<PeerContact> contact_;
    std::mutex mutex_;
    Status reason_;  // written once, before is_abandoned_
    std::atomic<bool> is_abandoned_{false};
};

}  // namespace memfabric::transport
