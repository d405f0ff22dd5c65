// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "shm/claim.h"
#include "store/client.h"

namespace memfabric::shm {

/// How the processes that create one object find together. First each makes its claim, in a group where
/// processes go by their rank in the world; once all ranks of the object have come and agree, they join the
/// object's own group, where they go by their rank in the object. The first disagreement, and the first
/// process that goes on the way, ends it for all who are in it.
class Assembly {
 public:
    /// `id`: the object's. `notice`: how often a wait says in the log whom for.
    explicit Assembly(Claim own, uint32_t id = 0, std::chrono::milliseconds notice = std::chrono::seconds(5))
        : own_(std::move(own)), id_(id), notice_(notice) {}

    /// Those who had made their claim when ours was made, ours included, and what the store tells later.
    void take_claims(const store::JoinReply& reply);
    void on_claim(const store::MemberEvent& event);
    /// The same of the object's group.
    void take_members(const store::JoinReply& reply);
    void on_member(const store::MemberEvent& event);

    Status wait_for_claims(Deadline deadline);
    Status wait_for_members(Deadline deadline);

    /// A number that no other object ever has, the same at every rank; valid after wait_for_claims.
    uint64_t generation() const;

 private:
    void look_at_claims();
    bool agrees(const Claim& claim);
    void fail(Status status);
    Status wait(const bool& done, Deadline deadline);
    /// `when`: "by the deadline" or "so far".
    std::string progress_text(const char* when) const;

    const Claim own_;
    const uint32_t id_;
    const std::chrono::milliseconds notice_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // All guarded by mutex_.
    Claims claims_;                     // once claimed_: as they were then
    std::set<uint32_t> claimed_ranks_;  // of the claims that agree
    std::set<uint32_t> members_;        // of the object's group, by rank in the object
    uint64_t generation_ = 0;
    bool claimed_ = false;
    bool joined_ = false;
    std::optional<Status> failed_;
};

}  // namespace memfabric::shm
