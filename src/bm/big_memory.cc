// SPDX-License-Identifier: Apache-2.0
#include "bm/big_memory.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"
#include "memory/numa_policy.h"

namespace memfabric::bm {

Result<std::shared_ptr<BigMemory>> BigMemory::create(std::shared_ptr<World> world, uint32_t id,
                                                     uint32_t member_size, const memory::RegionShape& shape,
                                                     Deadline deadline) {
    Runtime& runtime = *world->runtime();
    if (id > kMaxObjectId) {
        return failure(Code::kInvalidParam, "BM id {} is outside 0 to {}", id, kMaxObjectId);
    }
    if (member_size == 0 || member_size > world->slots()) {
        return failure(Code::kInvalidParam, "BM {}: memberSize {} is outside 1 to {}, the world's size", id,
                       member_size, world->slots());
    }
    const Status shape_ok = check_region_shape(shape, runtime.options().size(OptionId::kMaxRegionSize));
    if (!shape_ok.is_ok()) {
        return shape_ok.with_context(fmt::format("BM {}", id));
    }
    Result<std::shared_ptr<AttachedWindow>> window =
        runtime.attach_window(fmt::format("bm/{}", id), world->slots(), shape, deadline);
    if (!window.is_ok()) {
        return window.status().with_context(fmt::format("creating BM {} of rank {}", id, world->rank()));
    }
    return std::make_shared<BigMemory>(std::move(world), id, member_size, std::move(window).value());
}

BigMemory::BigMemory(std::shared_ptr<World> world, uint32_t id, uint32_t member_size,
                     std::shared_ptr<AttachedWindow> window)
    : world_(std::move(world)),
      id_(id),
      member_size_(member_size),
      group_(fmt::format("bm/{}", id)),
      window_(std::move(window)),
      layout_(window_->window()),
      segment_(window_->segment()),
      engine_(world_->runtime()->engine()) {}

BigMemory::~BigMemory() = default;

Result<uint64_t> BigMemory::join(Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    const uint64_t own_region = window().region(world_->rank()).begin;
    if (joined_.load()) {
        return own_region;
    }
    const Status committed = commit_region(deadline);
    Result<uint64_t> joined = committed.is_ok() ? join_with_memory(deadline) : Result<uint64_t>(committed);
    if (!joined.is_ok()) {
        return joined.status().with_context(fmt::format("joining BM {} as rank {}", id_, world_->rank()));
    }
    return own_region;
}

Status BigMemory::commit_region(Deadline deadline) {
    const uint32_t rank = world_->rank();
    memory::bind_to_numa_node(window().region(rank), world_->runtime()->options());
    for (;;) {
        Status committed = window_->segment().commit_region(window(), rank);
        // A neighbour that gives a predecessor's memory back is done in a moment.
        if (committed.code() != Code::kResourceInUse || deadline.expired()) {
            return committed;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

Result<uint64_t> BigMemory::join_with_memory(Deadline deadline) {
    const uint32_t rank = world_->rank();
    const std::weak_ptr<BigMemory> weak = weak_from_this();
    const auto handler = [weak](const store::MemberEvent& event) {
        if (const auto self = weak.lock()) {
            self->on_member_event(event);
        }
    };
    const store::JoinRequest request{group_, rank, member_size_, ""};
    Result<store::JoinReply> reply = world_->runtime()->store().join(request, handler, deadline);
    if (!reply.is_ok()) {
        static_cast<void>(window_->segment().discard_region(window(), rank));
        return std::move(reply).status();
    }
    {
        const std::lock_guard members_lock(members_mutex_);
        for (const store::Member& member : reply->members) {
            members_[member.rank] = member.host_id;
        }
    }
    window_->segment().announce(rank, reply->epoch);
    joined_.store(true);
    return reply->epoch;
}

Status BigMemory::leave(const WaitIdle& wait_idle, Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    if (!joined_.exchange(false)) {
        return failure(Code::kNotStarted, "leaving BM {}: rank {} has not joined", id_, world_->rank());
    }
    const uint32_t rank = world_->rank();
    window_->segment().withdraw(rank);
    const bool idle = wait_idle(deadline) && wait_unpinned(this, deadline);
    if (idle) {
        MF_RETURN_IF_ERROR(window_->segment().discard_region(window(), rank));
    }
    {
        const std::lock_guard members_lock(members_mutex_);
        members_.clear();
    }
    MF_RETURN_IF_ERROR(world_->runtime()->store().leave(group_, deadline));
    if (!idle) {
        return failure(Code::kTimeout,
                       "leaving BM {}: a copy was still under way at the deadline; the memory of rank {} was "
                       "not given back",
                       id_, rank);
    }
    return {};
}

void BigMemory::on_member_event(const store::MemberEvent& event) {
    const uint32_t rank = event.member.rank;
    {
        const std::lock_guard members_lock(members_mutex_);
        if (event.kind == store::MemberEventKind::kJoined) {
            members_[rank] = event.member.host_id;
        } else {
            members_.erase(rank);
        }
    }
    if (event.kind == store::MemberEventKind::kJoined ||
        event.member.host_id != world_->runtime()->host_id()) {
        return;
    }
    if (window_->segment().reclaim(window(), rank, event.member.epoch)) {
        log_info("BM {}: rank {} {}; its memory was given back", id_, rank,
                 event.kind == store::MemberEventKind::kLost ? "is lost" : "left without a word");
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
