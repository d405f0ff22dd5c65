// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/wait_notices.h"
#include "shm/claim.h"
#include "store/client.h"

namespace memfabric::shm {

/// How the processes that create one object find together. First each makes its claim, in a group where
/// processes go by their rank in the world; once all ranks of the object have come and agree, they join the
/// object's own group, where they go by their rank in the object. The first disagreement, and the first
/// process that goes on the way, ends it for all who are in it.
class Assembly {
 public:
    /// Has the store tell all that it has not told yet, by the deadline.
    using CatchUp = std::function<void(Deadline)>;

    /// `id`: the object's. `notice`: how often a wait says in the log whom for. `catch_up`: the store tells
    /// of the others once all are there; whom a wait is for can be said only after it.
    explicit Assembly(
        Claim own, uint32_t id = 0, std::chrono::milliseconds notice = std::chrono::seconds(5),
        CatchUp catch_up = [](Deadline) {})
        : own_(std::move(own)), id_(id), notice_(notice), catch_up_(std::move(catch_up)) {}

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
    bool warns_for_host() const;
    void say_progress(std::unique_lock<std::mutex>& lock, const WaitNotices& notices);

    const Claim own_;
    const uint32_t id_;
    const std::chrono::milliseconds notice_;
    const CatchUp catch_up_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // All guarded by mutex_.
    Claims claims_;                          // once claimed_: as they were then
    std::map<uint32_t, std::string> hosts_;  // of the processes that made a claim, by world rank
    std::set<uint32_t> claimed_ranks_;       // of the claims that agree
    std::set<uint32_t> members_;             // of the object's group, by rank in the object
    uint64_t generation_ = 0;
    bool claimed_ = false;
    bool joined_ = false;
    std::optional<Status> failed_;
};

}  // namespace memfabric::shm
