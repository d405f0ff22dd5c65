// SPDX-License-Identifier: Apache-2.0
#include "shm/assembly.h"

#include <algorithm>

#include "base/log.h"
#include "store/rank_text.h"

namespace memfabric::shm {
namespace {

constexpr auto kCatchUpPatience = std::chrono::seconds(2);

}  // namespace

void Assembly::take_claims(const store::JoinReply& reply) {
    const std::lock_guard lock(mutex_);
    for (const store::Member& member : reply.members) {
        hosts_[member.rank] = member.host_id;
        claims_[member.rank] = Claim::decode(member.rank, member.epoch, member.payload);
    }
    look_at_claims();
    for (const auto& [world_rank, claim] : claims_) {
        claimed_ranks_.insert(claim.config.rank);
    }
}

/// Of a claim that came later than the others: with a thousand ranks there is no looking at all of them
/// again.
bool Assembly::agrees(const Claim& claim) {
    const ObjectConfig& said = claim.config;
    const ObjectConfig& own = own_.config;
    return claimed_ranks_.insert(said.rank).second && said.problem.empty() &&
           said.rank_size == own.rank_size && said.symmetric_size == own.symmetric_size;
}

void Assembly::on_claim(const store::MemberEvent& event) {
    const std::lock_guard lock(mutex_);
    const store::Member& member = event.member;
    if (event.kind == store::MemberEventKind::kJoined) {
        if (!claimed_) {
            hosts_[member.rank] = member.host_id;
            const auto [place, is_new] = claims_.insert_or_assign(
                member.rank, Claim::decode(member.rank, member.epoch, member.payload));
            const bool is_plain = is_new && agrees(place->second);
            if (!is_plain || claims_.size() == own_.config.rank_size) {
                look_at_claims();
            }
        }
        return;
    }
    const auto found = claims_.find(member.rank);
    if (found == claims_.end() || found->second.epoch != member.epoch) {
        return;
    }
    // Whoever leaves once all are here has seen all join the object's group, of which we may hear later.
    if (event.kind == store::MemberEventKind::kLost && !joined_) {
        fail(failure(Code::kPeerLost, "rank {} (process {} of the world) was lost before all had come",
                     found->second.config.rank, member.rank));
    } else if (!claimed_) {
        claimed_ranks_.erase(found->second.config.rank);
        hosts_.erase(member.rank);
        claims_.erase(found);
    }
}

void Assembly::look_at_claims() {
    if (claimed_ || failed_) {
        return;
    }
    Status agreed = check_claims(claims_);
    if (!agreed.is_ok()) {
        fail(std::move(agreed));
    } else if (claims_.size() == own_.config.rank_size) {
        for (const auto& [world_rank, claim] : claims_) {
            generation_ = std::max(generation_, claim.epoch);
        }
        claimed_ = true;
        changed_.notify_all();
    }
}

void Assembly::take_members(const store::JoinReply& reply) {
    const std::lock_guard lock(mutex_);
    for (const store::Member& member : reply.members) {
        members_.insert(member.rank);
    }
    joined_ = members_.size() == own_.config.rank_size;
    changed_.notify_all();
}

void Assembly::on_member(const store::MemberEvent& event) {
    const std::lock_guard lock(mutex_);
    if (event.kind == store::MemberEventKind::kJoined) {
        members_.insert(event.member.rank);
        if (!joined_ && members_.size() == own_.config.rank_size) {
            joined_ = true;
            changed_.notify_all();
        }
    } else if (!joined_) {
        fail(failure(Code::kPeerLost, "rank {} {} before all had come", event.member.rank,
                     event.kind == store::MemberEventKind::kLost ? "was lost" : "gave up"));
    }
}

void Assembly::fail(Status status) {
    if (!failed_) {
        failed_ = std::move(status);
        changed_.notify_all();
    }
}

std::string Assembly::progress_text(const char* when) const {
    std::set<uint32_t> here = members_;
    if (!claimed_) {
        for (const auto& [world_rank, claim] : claims_) {
            here.insert(claim.config.rank);
        }
    }
    std::vector<uint32_t> missing;
    for (uint32_t rank = 0; rank < own_.config.rank_size; ++rank) {
        if (!here.contains(rank)) {
            missing.push_back(rank);
        }
    }
    return fmt::format("{} of {} ranks came {}, missing: rank {}", own_.config.rank_size - missing.size(),
                       own_.config.rank_size, when, store::rank_text(missing));
}

Status Assembly::wait(const bool& done, Deadline deadline) {
    std::unique_lock lock(mutex_);
    WaitNotices notices(notice_);
    bool has_caught_up = false;
    while (!done && !failed_) {
        if (deadline.expired() && has_caught_up) {
            return {Code::kTimeout, progress_text("by the deadline")};
        }
        if (deadline.expired()) {
            lock.unlock();
            catch_up_(Deadline::after(kCatchUpPatience));
            lock.lock();
            has_caught_up = true;
            continue;
        }
        changed_.wait_until(lock, std::min(deadline.when(), notices.next()));
        if (notices.is_due() && !done && !failed_) {
            say_progress(lock, notices);
        }
    }
    return failed_ ? *failed_ : Status();
}

/// Of the processes of a host that wait, the first one does; the others tell it as information.
bool Assembly::warns_for_host() const {
    const auto own = hosts_.find(own_.world_rank);
    return own == hosts_.end() || std::none_of(hosts_.begin(), own, [&](const auto& earlier) {
               return earlier.second == own->second;
           });
}

void Assembly::say_progress(std::unique_lock<std::mutex>& lock, const WaitNotices& notices) {
    lock.unlock();
    catch_up_(Deadline::after(kCatchUpPatience));
    lock.lock();
    const std::string text = progress_text("so far");
    const LogLevel level = warns_for_host() ? LogLevel::kWarn : LogLevel::kInfo;
    lock.unlock();
    log(level, "creating SHM {}: waiting for {:.0f} s: {}", id_, notices.seconds(), text);
    lock.lock();
}

Status Assembly::wait_for_claims(Deadline deadline) {
    return wait(claimed_, deadline);
}

Status Assembly::wait_for_members(Deadline deadline) {
    return wait(joined_, deadline);
}

uint64_t Assembly::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

}  // namespace memfabric::shm
