// SPDX-License-Identifier: Apache-2.0
#include "bm/big_memory.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/attempt.h"
#include "base/log.h"
#include "memory/numa_policy.h"

namespace memfabric::bm {
namespace {

/// What a member says of itself where it takes part in copies between hosts.
constexpr const char* kReachesHosts = "fabric";

}  // namespace

Result<std::shared_ptr<BigMemory>> BigMemory::create(std::shared_ptr<World> world, uint32_t id,
                                                     uint32_t member_size, const memory::RegionShape& shape,
                                                     Deadline deadline) {
    Runtime& runtime = *world->runtime();
    if (id > kMaxObjectId) {
        return failure(Code::kInvalidParam, "the id is outside 0 to {}", kMaxObjectId);
    }
    // 0 is what programs of the existing implementation say, which does not look at it.
    member_size = member_size == 0 ? world->slots() : member_size;
    if (member_size > world->slots()) {
        return failure(Code::kInvalidParam, "memberSize {} is more than {}, the world's size", member_size,
                       world->slots());
    }
    MF_RETURN_IF_ERROR(check_region_shape(shape, runtime.options().size(OptionId::kMaxRegionSize)));
    if (shape.hbm_size != 0 && !runtime.device_provider().shares_host_segment()) {
        return failure(Code::kNotSupported, "HBM of device provider '{}' cannot be pooled by this version",
                       runtime.device_provider().name());
    }
    MF_ASSIGN_OR_RETURN(std::shared_ptr<AttachedWindow> window,
                        runtime.attach_window(fmt::format("bm/{}", id), world->slots(), shape, deadline));
    MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::RemoteMemory> reach, runtime.remote_memory());
    std::shared_ptr<RemoteMembers> remote;
    if (reach) {
        remote = std::make_shared<RemoteMembers>(runtime.store(), std::move(reach), fmt::format("bm/{}", id),
                                                 runtime.host_id(), world->slots());
    }
    return std::make_shared<BigMemory>(std::move(world), id, member_size, std::move(window),
                                       std::move(remote));
}

BigMemory::BigMemory(std::shared_ptr<World> world, uint32_t id, uint32_t member_size,
                     std::shared_ptr<AttachedWindow> window, std::shared_ptr<RemoteMembers> remote)
    : world_(std::move(world)),
      id_(id),
      member_size_(member_size),
      group_(fmt::format("bm/{}", id)),
      window_(std::move(window)),
      layout_(window_->window()),
      segment_(window_->segment()),
      engine_(world_->runtime()->engine()),
      rank_(world_->rank()),
      counters_(id, layout_, rank_),
      foreign_(remote ? world_->runtime()->arena() : memory::AddressRange{}),
      remote_(std::move(remote)) {}

BigMemory::~BigMemory() = default;

Status BigMemory::evicted(const char* what) const {
    return failure(Code::kEvicted,
                   "{} BM {}: rank {} was given up as lost, and its memory given back: uninitialize, "
                   "initialize and join anew",
                   what, id_, rank_);
}

Result<uint64_t> BigMemory::join(Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    if (closed_) {
        return failure(Code::kObjectNotExists, "joining BM {}: its handle was destroyed meanwhile", id_);
    }
    if (epoch_.load() != 0 && (!is_joined() || is_given_up())) {
        return evicted("joining");
    }
    if (epoch_.load() == 0) {
        const Status joined = join_with_memory(deadline);
        if (!joined.is_ok()) {
            return joined.with_context(fmt::format("joining BM {} as rank {}", id_, rank_));
        }
    }
    return window().region(rank_).begin;
}

Status BigMemory::join_with_memory(Deadline deadline) {
    // First the group: only whom the store takes for this rank may touch the rank's region.
    MF_ASSIGN_OR_RETURN(const store::JoinReply reply, join_group(deadline));
    Status entered = attempt([&]() -> Status {
        take_over(reply);
        MF_ASSIGN_OR_RETURN(const memory::SegmentLock lock, commit_region(deadline));
        window_->segment().announce(rank_, reply.epoch);
        epoch_.store(reply.epoch);
        return enter_remote(deadline);
    });
    if (!entered.is_ok()) {
        static_cast<void>(epoch_.load() != 0 ? leave_with_lock(deadline) : leave_group(deadline));
    }
    return entered;
}

/// Whoever has begun to leave is out of it, and the store has to know.
Status BigMemory::leave_group(Deadline deadline) {
    return attempt_until(deadline, [&] { return world_->runtime()->store().leave(group_, deadline); });
}

Status BigMemory::enter_remote(Deadline deadline) {
    if (!remote_) {
        return {};
    }
    const memory::AddressRange region = window().region(rank_);
    return remote_->enter(rank_, {reinterpret_cast<std::byte*>(region.begin), region.size}, deadline)
        .with_context("offering the region to other hosts");
}

Result<memory::SegmentLock> BigMemory::commit_region(Deadline deadline) {
    memory::bind_to_numa_node(window().region(rank_), world_->runtime()->options());
    for (;;) {
        Result<memory::SegmentLock> committed = window_->segment().commit_region(window(), rank_);
        // A neighbour that gives a predecessor's memory back is done in a moment.
        if (committed.status().code() != Code::kResourceInUse || deadline.expired()) {
            return committed;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

Result<store::JoinReply> BigMemory::join_group(Deadline deadline) {
    const std::weak_ptr<BigMemory> weak = weak_from_this();
    const auto handler = [weak](const store::MemberEvent& event) {
        if (const auto self = weak.lock()) {
            self->on_member_event(event);
        }
    };
    return world_->runtime()->store().join({group_, rank_, member_size_, remote_ ? kReachesHosts : ""},
                                           handler, deadline);
}

/// The members are those of the reply. Whoever else the segment still names died while nobody was there to
/// hear of it; those with later epochs than ours have joined since the store replied.
void BigMemory::take_over(const store::JoinReply& reply) {
    std::map<uint32_t, uint64_t> living;
    {
        const std::lock_guard members_lock(members_mutex_);
        for (const store::Member& member : reply.members) {
            members_[member.rank] = {member.host_id, member.payload == kReachesHosts};
            living[member.rank] = member.epoch;
        }
    }
    for (uint32_t rank = 0; rank < window().slots(); ++rank) {
        const uint64_t epoch = segment_.epoch(rank);
        const auto alive = living.find(rank);
        if (rank != rank_ && epoch != 0 && epoch < reply.epoch &&
            (alive == living.end() || alive->second != epoch)) {
            give_back(rank, epoch);
        }
    }
}

Status BigMemory::close(Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    closed_ = true;
    return epoch_.load() == 0 ? Status() : leave_with_lock(deadline);
}

Status BigMemory::leave(Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    return leave_with_lock(deadline);
}

Status BigMemory::leave_with_lock(Deadline deadline) {
    const std::string context = fmt::format("leaving BM {} as rank {}", id_, rank_);
    const uint64_t epoch = epoch_.exchange(0);
    if (epoch == 0) {
        return failure(Code::kNotStarted, "leaving BM {}: rank {} has not joined", id_, rank_);
    }
    const bool was_ours = window_->segment().withdraw(rank_, epoch);
    {
        const std::lock_guard members_lock(members_mutex_);
        members_.clear();
    }
    // Before the memory is given back: from here on nobody touches it from outside.
    const Status withdrawn = remote_ ? attempt([&] { return remote_->exit(deadline); }) : Status();
    const bool idle = is_idle(deadline);
    if (!was_ours) {
        return evicted("leaving");  // the region is others', or a successor's, and the store has forgotten us
    }
    const auto discard = [&] { return window_->segment().discard_region(window(), rank_); };
    const Status discarded = idle ? attempt(discard) : Status();
    Status told = leave_group(deadline);
    if (told.is_ok()) {
        told = withdrawn;
    }
    if (!told.is_ok()) {
        return told.with_context(context);
    }
    if (!idle) {
        return failure(Code::kTimeout,
                       "{}: a copy was still under way at the deadline; the memory was not given back",
                       context);
    }
    return discarded.with_context(context);
}

Status BigMemory::wait(Deadline deadline) {
    return queue_.wait(deadline).with_context(fmt::format("waiting for copies in BM {}", id_));
}

bool BigMemory::is_idle(Deadline deadline) const {
    return wait_idle_(deadline) && wait_unpinned(this, deadline);
}

void BigMemory::on_member_event(const store::MemberEvent& event) {
    const uint32_t rank = event.member.rank;
    {
        const std::lock_guard members_lock(members_mutex_);
        if (event.kind == store::MemberEventKind::kJoined) {
            members_[rank] = {event.member.host_id, event.member.payload == kReachesHosts};
        } else {
            members_.erase(rank);
        }
    }
    const transport::Peer peer{rank, event.member.host_id};
    const bool is_near = world_->runtime()->mapped().reach(peer) == transport::Reach::kDirect;
    if (event.kind != store::MemberEventKind::kJoined && is_near && rank != rank_) {
        give_back(rank, event.member.epoch);
    }
}

/// Refuses copies that touch the region of a member that went, and gives its memory back once the copies of
/// this process that are under way have ended, since what they write takes memory again. One that left has
/// given it back itself; then there is something to do only where such copies are. Never waits.
void BigMemory::give_back(uint32_t rank, uint64_t epoch) {
    const bool was_there = window_->segment().withdraw(rank, epoch);
    if (was_there) {
        log_info("BM {}: rank {} is gone without having left; its memory is given back", id_, rank);
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

uint64_t BigMemory::local_size(MemoryType type) const {
    const memory::RegionShape& shape = window().shape();
    const bool device = type == MemoryType::kLocalDevice || type == MemoryType::kDevice;
    return device ? shape.hbm_size : shape.dram_size;
}

uint64_t BigMemory::address_of(MemoryType type, uint32_t rank) const {
    const bool local = type == MemoryType::kLocalDevice || type == MemoryType::kLocalHost;
    const uint32_t owner = local ? world_->rank() : rank;
    if (owner >= window().slots() || local_size(type) == 0) {
        return 0;
    }
    const bool device = type == MemoryType::kLocalDevice || type == MemoryType::kDevice;
    return device ? window().hbm(owner).begin : window().dram(owner).begin;
}

}  // namespace memfabric::bm
