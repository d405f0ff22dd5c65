// SPDX-License-Identifier: Apache-2.0
#include "runtime/remote_members.h"

#include <algorithm>
#include <utility>

#include "runtime/member_entry.h"

namespace memfabric {
RemoteMembers::RemoteMembers(store::Client& store, std::shared_ptr<transport::RemoteMemory> transport,
                             const std::string& object, std::string host_id, uint32_t slots)
    : store_(store),
      transport_(std::move(transport)),
      object_(object),
      group_(object + "/remote"),
      host_id_(std::move(host_id)),
      slots_(slots),
      epochs_(slots),
      table_(std::make_shared<RemoteTable>(slots)),
      gone_(slots, 0) {}

Status RemoteMembers::enter(uint32_t rank, std::span<std::byte> region, Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    MF_ASSIGN_OR_RETURN(std::unique_ptr<transport::ExposedMemory> exposed, transport_->expose(region));
    const std::string payload = encode_entry({transport_->own_address(), exposed->region()});
    const auto handler = [weak = weak_from_this()](const store::MemberEvent& event) {
        if (const auto self = weak.lock()) {
            self->on_event(event);
        }
    };
    MF_ASSIGN_OR_RETURN(const store::JoinReply reply,
                        store_.join({group_, rank, slots_, payload}, handler, deadline));
    for (const store::Member& member : reply.members) {
        add(member);
    }
    exposed_ = std::move(exposed);
    entered_ = true;
    return {};
}

Status RemoteMembers::exit(Deadline deadline) {
    const std::lock_guard lock(control_mutex_);
    if (!std::exchange(entered_, false)) {
        return {};
    }
    Status told = store_.leave(group_, deadline);
    exposed_.reset();
    {
        const std::lock_guard table_lock(mutex_);
        table_ = std::make_shared<RemoteTable>(slots_);
        count_ = 0;
        std::ranges::fill(epochs_, 0);
    }
    return told;
}

Status RemoteMembers::catch_up(Deadline deadline) {
    return store_.hear_all(deadline).with_context(fmt::format("catching up on the members of {}", object_));
}

std::shared_ptr<const RemoteTable> RemoteMembers::table() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

void RemoteMembers::on_event(const store::MemberEvent& event) {
    if (event.kind == store::MemberEventKind::kJoined) {
        add(event.member);
    } else {
        remove(event.member, event.kind == store::MemberEventKind::kLost);
    }
}

RemoteMember RemoteMembers::describe(const store::Member& member) const {
    RemoteMember described{member.rank, member.epoch, member.host_id, {}, nullptr, {}};
    Result<MemberEntry> entry = decode_entry(member.payload);
    if (!entry.is_ok()) {
        described.problem = entry.status().with_context("what it said of itself makes no sense");
        return described;
    }
    described.region = entry->region;
    auto peer = transport_->connect(
        entry->address, fmt::format("rank {} of {} on host '{}'", member.rank, object_, member.host_id));
    if (peer.status().code() == Code::kMallocFailed) {
        throw std::bad_alloc();  // who tells of the member tells of it again: it is no fault of that one
    }
    if (peer.is_ok()) {
        described.peer = std::move(peer).value();
    } else {
        described.problem = peer.status();
    }
    return described;
}

void RemoteMembers::add(const store::Member& member) {
    if (member.host_id == host_id_ || member.rank >= slots_) {
        return;
    }
    auto described = std::make_shared<const RemoteMember>(describe(member));
    const std::lock_guard lock(mutex_);
    const std::shared_ptr<const RemoteMember>& present = (*table_)[member.rank];
    // Events may overtake the reply to our own entry, which then tells of the past.
    if (gone_[member.rank] < member.epoch && (!present || present->epoch < member.epoch)) {
        replace(member.rank, std::move(described));
    }
}

void RemoteMembers::remove(const store::Member& member, bool lost) {
    if (member.rank >= slots_) {
        return;
    }
    std::shared_ptr<const RemoteMember> gone;
    {
        const std::lock_guard lock(mutex_);
        gone_[member.rank] = std::max(gone_[member.rank], member.epoch);
        gone = (*table_)[member.rank];
        if (!gone || gone->epoch != member.epoch) {
            return;
        }
        replace(member.rank, nullptr);
    }
    // Whoever left has answered all, or is going to refuse it; whoever is lost never will.
    if (lost && gone->peer) {
        gone->peer->abandon(
            failure(Code::kPeerLost, "rank {} of {} on host '{}' is lost", gone->rank, object_, gone->host));
    }
}

/// With mutex_ held.
void RemoteMembers::replace(uint32_t rank, std::shared_ptr<const RemoteMember> member) {
    auto changed = std::make_shared<RemoteTable>(*table_);
    epochs_[rank].store(member ? member->epoch : 0, std::memory_order_release);
    (*changed)[rank] = std::move(member);
    count_ = static_cast<uint32_t>(
        std::count_if(changed->begin(), changed->end(), [](const auto& entry) { return entry != nullptr; }));
    table_ = std::move(changed);
}

}  // namespace memfabric
