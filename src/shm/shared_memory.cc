// SPDX-License-Identifier: Apache-2.0
// The life of an object: how its ranks get their memory, and how it is given back.
#include "shm/shared_memory.h"

#include <chrono>
#include <cstring>
#include <thread>

#include "base/attempt.h"
#include "base/log.h"
#include "base/thread.h"
#include "memory/numa_policy.h"

namespace memfabric::shm {

SharedMemory::SharedMemory(std::shared_ptr<World> world, uint32_t id, const ObjectConfig& config,
                           uint64_t generation)
    : world_(std::move(world)),
      id_(id),
      rank_(config.rank),
      rank_size_(config.rank_size),
      symmetric_size_(config.symmetric_size),
      committed_size_(config.committed_size),
      name_(fmt::format("shm/{}/{}", id, generation)),
      counters_(id, config.rank_size),
      exit_notice_(std::make_shared<ExitNotice>(store(), name_ + "/exit")) {}

Status SharedMemory::build(const std::shared_ptr<Assembly>& assembly, const std::function<void()>& joined,
                           Deadline deadline) {
    Status own = attempt([&] { return attach(deadline); });
    // Whoever has no window joins all the same: the others learn from it that there will be no object.
    MF_RETURN_IF_ERROR(join_group(assembly, deadline));
    if (own.is_ok()) {
        own = attempt([this] { return take_memory(); });
    }
    MF_RETURN_IF_ERROR(assembly->wait_for_members(deadline));
    joined();
    learn_hosts();
    if (own.is_ok()) {
        own = attempt([&] { return offer_to_other_hosts(deadline); });
    }
    MF_RETURN_IF_ERROR(agree_on_outcome(own, deadline));
    return learn_remote(deadline);
}

Status SharedMemory::attach(Deadline deadline) {
    const memory::RegionShape shape{0, symmetric_size_};
    MF_ASSIGN_OR_RETURN(window_, world_->runtime().attach_window(name_, rank_size_, shape, deadline));
    return {};
}

Status SharedMemory::join_group(const std::shared_ptr<Assembly>& assembly, Deadline deadline) {
    const auto handler = [weak = weak_from_this(), assembly](const store::MemberEvent& event) {
        if (const auto self = weak.lock()) {
            self->on_member_event(event);
        }
        assembly->on_member(event);
    };
    MF_ASSIGN_OR_RETURN(const store::JoinReply reply,
                        store().join({name_, rank_, rank_size_, "", rank_size_}, handler, deadline));
    {
        const std::lock_guard lock(mutex_);
        for (const store::Member& member : reply.members) {
            members_[member.rank] = member.host_id;
        }
    }
    epoch_ = reply.epoch;
    assembly->take_members(reply);
    return {};
}

Status SharedMemory::take_memory() {
    memory::bind_to_numa_node(window().region(rank_), world_->runtime().options());
    const Result<memory::SegmentLock> committed =
        window_->segment().commit_region(window(), rank_, committed_size_);
    MF_RETURN_IF_ERROR(committed.status());
    window_->segment().announce(rank_, epoch_);
    has_memory_ = true;
    return {};
}

Status SharedMemory::check_own(const char* what, uint64_t offset, uint64_t size) const {
    if (offset > symmetric_size_ || size > symmetric_size_ - offset) {
        return failure(Code::kInvalidParam, "{}: {} bytes at offset {} are outside its {} bytes",
                       context_text(what), size, offset, symmetric_size_);
    }
    return {};
}

Status SharedMemory::commit(uint64_t offset, uint64_t size) {
    constexpr const char* kWhat = "taking memory for";
    MF_RETURN_IF_ERROR(check_own(kWhat, offset, size));
    return window_->segment().commit_more(window(), rank_, offset, size).with_context(context_text(kWhat));
}

Status SharedMemory::discard(uint64_t offset, uint64_t size) {
    constexpr const char* kWhat = "giving back memory of";
    MF_RETURN_IF_ERROR(check_own(kWhat, offset, size));
    if (remote_ && remote_->transport().pins_pages()) {
        std::memset(reinterpret_cast<void*>(window().region(rank_).begin + offset), 0, size);
        return {};
    }
    return window_->segment().discard_part(window(), rank_, offset, size).with_context(context_text(kWhat));
}

Status SharedMemory::agree_on_outcome(const Status& own, Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const std::vector<std::string> outcomes,
                        store().all_gather(name_, rank_size_, rank_, own.message(), deadline));
    MF_RETURN_IF_ERROR(own);
    for (size_t rank = 0; rank < outcomes.size(); ++rank) {
        if (!outcomes[rank].empty()) {
            return failure(Code::kRefused, "rank {} could not take part: {}", rank, outcomes[rank]);
        }
    }
    return {};
}

Status SharedMemory::close(Deadline deadline) {
    static_cast<void>(did_with_memory([&] { exit_notice_->close(deadline); }));
    const uint64_t epoch = epoch_.exchange(0);
    if (epoch == 0) {
        return {};
    }
    begun_.end(deadline);
    set_activity_handler(nullptr);
    // Before the memory is given back: from here on nobody touches it from outside.
    const Status withdrawn = remote_ ? attempt([&] { return remote_->exit(deadline); }) : Status();
    Status given_back;
    if (has_memory_ && window_->segment().withdraw(rank_, epoch)) {
        const auto discard = [&] { return window_->segment().discard_region(window(), rank_); };
        given_back = is_idle(deadline) ? attempt(discard)
                                       : failure(Code::kTimeout,
                                                 "a copy was still under way at the deadline; the memory "
                                                 "was not given back");
    }
    bool last = false;
    {
        const std::lock_guard lock(mutex_);
        members_.erase(rank_);
        last = members_.empty();
    }
    if (last) {
        static_cast<void>(did_with_memory([&] { exit_notice_->forget(deadline); }));
    }
    Status told = store().leave(name_, deadline);
    if (told.is_ok()) {
        told = withdrawn;
    }
    // Where rank 0, which served the store, ended first, there is nobody left to tell.
    if (!told.is_ok() && store().is_usable()) {
        return told.with_context(context_text("leaving"));
    }
    return given_back.with_context(context_text("leaving"));
}

std::string SharedMemory::context_text(const char* what) const {
    return fmt::format("{} SHM {} as rank {} of {}", what, id_, rank_, rank_size_);
}

void SharedMemory::set_wait_idle(WaitIdle wait_idle) {
    const std::lock_guard lock(mutex_);
    wait_idle_ = std::move(wait_idle);
}

bool SharedMemory::is_idle(Deadline deadline) const {
    WaitIdle wait_idle;
    {
        const std::lock_guard lock(mutex_);
        wait_idle = wait_idle_;
    }
    return wait_idle(deadline);
}

void SharedMemory::on_member_event(const store::MemberEvent& event) {
    const uint32_t rank = event.member.rank;
    {
        const std::lock_guard lock(mutex_);
        if (event.kind == store::MemberEventKind::kJoined) {
            members_[rank] = event.member.host_id;
            return;
        }
        members_.erase(rank);
    }
    if (event.kind == store::MemberEventKind::kLost) {
        tell_loss(rank);
    }
    const transport::Peer peer{rank, event.member.host_id};
    if (world_->runtime().mapped().reach(peer) == transport::Reach::kDirect && rank != rank_) {
        give_back(rank, event.member.epoch);
    }
}

void SharedMemory::set_loss_handler(LossHandler handler) {
    const std::lock_guard lock(mutex_);
    on_loss_ = std::move(handler);
}

void SharedMemory::tell_loss(uint32_t rank) {
    LossHandler handler;
    {
        const std::lock_guard lock(mutex_);
        handler = on_loss_;
    }
    if (handler) {
        // It may block, or end the process: nobody waits for this thread.
        start_thread("mf-loss", [handler, rank](const std::stop_token&) { handler(rank); }).detach();
    }
}

/// Refuses copies that touch the region of a rank that went, and gives its memory back once the copies of
/// this process that are under way have ended, since what they write takes memory again. Never waits.
void SharedMemory::give_back(uint32_t rank, uint64_t epoch) {
    if (window_ == nullptr) {
        return;
    }
    const bool was_there = window_->segment().withdraw(rank, epoch);
    if (was_there) {
        log_info("SHM {}: rank {} is gone without having left; its memory is given back", id_, rank);
    }
    if (was_there || !is_idle(Deadline::after(std::chrono::milliseconds(0)))) {
        // Only once is it seen that the rank was there, so there is no second attempt at the whole.
        insist([this, rank] {
            janitor_.submit([this, rank] {
                static_cast<void>(is_idle(Deadline::never()));
                return window_->segment().discard_region(window(), rank);
            });
        });
    }
}

}  // namespace memfabric::shm
