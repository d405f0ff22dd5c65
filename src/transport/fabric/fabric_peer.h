// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
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
        std::string address;  // where the peer listens; empty: the lane does not lead there
        uint64_t handle = 0;  // in the lane's address vector
        size_t rail = 0;      // the lane's
        uint8_t grade = 0;    // those of the smallest one are used
    };

    /// What one of our endpoints has under way with it. Used under the endpoint's lock.
    struct Load {
        size_t operations = 0;
        size_t bytes = 0;
    };

    FabricPeer(std::string name, std::vector<Way> ways, std::unique_ptr<PeerContact> contact);

    /// For texts: "rank 3 on host x".
    const std::string& name() const { return name_; }
    const std::vector<Way>& ways() const { return ways_; }  // a lane each
    const Way& way(size_t lane) const { return ways_[lane]; }
    PeerContact& contact() { return *contact_; }
    Load& load(size_t lane) { return loads_[lane]; }

    /// The lanes that lead there best now, a bit each; never none.
    uint64_t lanes() const { return lanes_.load(std::memory_order_acquire); }
    bool uses(size_t lane) const { return (lanes() >> lane & 1) != 0; }
    /// One of them; the same for the same number.
    size_t lane_of(size_t number) const {
        uint64_t lanes = this->lanes();
        for (size_t skip = number % static_cast<size_t>(std::popcount(lanes)); skip > 0; --skip) {
            lanes &= lanes - 1;
        }
        return static_cast<size_t>(std::countr_zero(lanes));
    }

    /// What the signs say of the rails, a bit each. While any is silent the signs are kept.
    void note_silent(const std::shared_ptr<PeerSigns>& signs);
    /// Looks now and then whether silent rails lead there again.
    void look_again();
    uint64_t silent_rails() const { return silent_.load(std::memory_order_acquire); }

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
    uint64_t best_lanes(uint64_t silent_rails) const;

    const std::string name_;
    const std::vector<Way> ways_;
    std::vector<Load> loads_ = std::vector<Load>(ways_.size());  // a lane each
    const std::unique_ptr<PeerContact> contact_;
    std::atomic<uint64_t> lanes_{0};
    std::atomic<uint64_t> silent_{0};
    std::mutex mutex_;
    std::shared_ptr<PeerSigns> signs_;  // while any rail is silent; guarded by mutex_
    Status reason_;                     // written once, before is_abandoned_
    std::atomic<bool> is_abandoned_{false};
};

}  // namespace memfabric::transport
