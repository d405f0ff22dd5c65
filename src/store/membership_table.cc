// SPDX-License-Identifier: Apache-2.0
#include "store/membership_table.h"

#include <algorithm>

#include "base/permanent.h"

namespace memfabric::store {

namespace {

constexpr size_t kMaxPayload = size_t{64} << 10;
constexpr size_t kMaxMemberships = 4096;  // of one session
constexpr uint64_t kMemberOverhead = 64;  // bytes of a member in a reply, beside its texts

}  // namespace

Status MembershipTable::check_room(const JoinRequest& message, const Group& group, size_t memberships) const {
    if (message.payload.size() > kMaxPayload) {
        return failure(Code::kInvalidParam,
                       "join group '{}' as rank {}: a member may say {} bytes of itself, not {}",
                       message.group, message.rank, kMaxPayload, message.payload.size());
    }
    if (memberships >= kMaxMemberships) {
        return failure(Code::kMallocFailed,
                       "join group '{}' as rank {}: this process is a member of {} groups, the most that it "
                       "may be",
                       message.group, message.rank, memberships);
    }
    uint64_t reply = message.payload.size() + 2 * kMemberOverhead;
    for (const auto& [rank, entry] : group) {
        reply += entry.member.payload.size() + entry.member.host_id.size() + kMemberOverhead;
    }
    if (reply > max_reply_) {
        return failure(Code::kMallocFailed,
                       "join group '{}' as rank {}: what its {} members say of themselves does not fit into "
                       "a message of {} bytes (MF_STORE_MAX_MESSAGE)",
                       message.group, message.rank, group.size(), max_reply_);
    }
    return {};
}

Status MembershipTable::check(RequestKey request, const JoinRequest& message, const Group& group) const {
    const auto mine = groups_of_.find(request.session);
    if (mine != groups_of_.end() && mine->second.contains(message.group)) {
        return failure(Code::kDuplicatedObject,
                       "join group '{}' as rank {}: this process is a member already", message.group,
                       message.rank);
    }
    if (const auto holder = group.find(message.rank); holder != group.end()) {
        return failure(Code::kDuplicatedObject, "join group '{}' as rank {}: this rank is taken by {}",
                       message.group, message.rank, outlet_.describe(holder->second.session));
    }
    if (message.max_members != 0 && group.size() >= message.max_members) {
        return failure(Code::kRefused, "join group '{}' as rank {}: it has {} members and may have {}",
                       message.group, message.rank, group.size(), message.max_members);
    }
    return check_room(message, group, mine == groups_of_.end() ? 0 : mine->second.size());
}

bool MembershipTable::join(RequestKey request, const JoinRequest& message) {
    static const Permanent<Group> none;
    const auto found = groups_.find(message.group);
    if (const Status status = check(request, message, found == groups_.end() ? none.get() : found->second);
        !status.is_ok()) {
        outlet_.fail(request, status);
        return false;
    }
    Group& group = groups_[message.group];
    Entry entry{request.session,
                Member{message.rank, epochs_.next(), outlet_.host_of(request.session), message.payload},
                {}};
    tell(message.group, group, entry, MemberEventKind::kJoined);
    JoinReply reply{entry.member.epoch, {}};
    group.emplace(message.rank, std::move(entry));
    groups_of_[request.session].insert(message.group);
    for (const auto& [rank, member] : group) {
        reply.members.push_back(member.member);
    }
    outlet_.succeed(request, reply);
    return true;
}

void MembershipTable::leave(RequestKey request, const std::string& group) {
    const auto mine = groups_of_.find(request.session);
    if (mine == groups_of_.end() || !mine->second.contains(group)) {
        outlet_.fail(request,
                     failure(Code::kObjectNotExists, "leave group '{}': this process is no member", group));
        return;
    }
    mine->second.erase(group);
    remove(request.session, group, MemberEventKind::kLeft);
    outlet_.succeed(request);
}

void MembershipTable::tell(const std::string& name, const Group& group, const Entry& about,
                           MemberEventKind kind) {
    if (settling_) {
        return;
    }
    const std::string body = encode(MemberEventMessage{name, static_cast<uint8_t>(kind), about.member});
    for (const auto& [rank, entry] : group) {
        outlet_.notify(entry.session, Operation::kMemberEvent, body);
    }
}

void MembershipTable::tell_one(uint64_t session, const std::string& name, MemberEventKind kind,
                               const Member& about) {
    outlet_.notify(session, Operation::kMemberEvent,
                   encode(MemberEventMessage{name, static_cast<uint8_t>(kind), about}));
}

/// The rank is the session's, or a failure says whose it is.
Status MembershipTable::make_room(uint64_t session, const RestoreMember& message) {
    const std::string& name = message.request.group;
    const uint32_t rank = message.request.rank;
    if (given_up_.contains({name, message.epoch})) {
        return failure(Code::kEvicted,
                       "the store was restarted and has given this process up as lost, since it did not come "
                       "back in time (MF_STORE_SETTLE): join anew");
    }
    const auto group = groups_.find(name);
    if (group == groups_.end() || !group->second.contains(rank)) {
        return {};
    }
    const Entry& holder = group->second.at(rank);
    const std::string what = fmt::format("rank {} of group '{}'", rank, name);
    if (holder.member.epoch >= message.epoch) {
        return taken_since(what, outlet_.describe(holder.session));
    }
    outlet_.evict(holder.session, taken_since(what, outlet_.describe(session)));
    groups_of_[holder.session].erase(name);
    remove(holder.session, name, MemberEventKind::kLost);
    return {};
}

Status MembershipTable::restore(uint64_t session, const RestoreMember& message) {
    const std::string& name = message.request.group;
    MF_RETURN_IF_ERROR(epochs_.take_note(message.epoch));
    if (groups_of_[session].contains(name)) {
        return failure(Code::kStoreInvalidMessage, "restoring group '{}': restored already", name);
    }
    MF_RETURN_IF_ERROR(make_room(session, message));
    Group& group = groups_[name];
    Entry entry{
        session,
        Member{message.request.rank, message.epoch, outlet_.host_of(session), message.request.payload},
        message.known};
    tell(name, group, entry, MemberEventKind::kJoined);
    const auto position = group.emplace(message.request.rank, std::move(entry)).first;
    groups_of_[session].insert(name);
    if (!settling_) {
        catch_up(name, group, position->second, [](const std::string&, uint32_t) {});
    }
    return {};
}

void MembershipTable::settle(const Lost& lost) {
    settling_ = false;
    for (auto& [name, group] : groups_) {
        for (auto& [rank, entry] : group) {
            catch_up(name, group, entry, lost);
        }
    }
}

void MembershipTable::catch_up(const std::string& name, const Group& group, Entry& entry, const Lost& lost) {
    std::set<uint64_t> known;  // by epoch
    for (const KnownMember& member : entry.known) {
        const auto present = group.find(member.rank);
        if (present != group.end() && present->second.member.epoch == member.epoch) {
            known.insert(member.epoch);
            continue;
        }
        given_up_.emplace(name, member.epoch);
        tell_one(entry.session, name, MemberEventKind::kLost,
                 Member{member.rank, member.epoch, member.host_id, {}});
        if (present == group.end()) {
            lost(name, member.rank);
        }
    }
    for (const auto& [rank, other] : group) {
        if (other.session != entry.session && !known.contains(other.member.epoch)) {
            tell_one(entry.session, name, MemberEventKind::kJoined, other.member);
        }
    }
    entry.known = {};
}

void MembershipTable::remove(uint64_t session, const std::string& name, MemberEventKind kind) {
    const auto group = groups_.find(name);
    const auto entry = std::find_if(group->second.begin(), group->second.end(), [&](const auto& candidate) {
        return candidate.second.session == session;
    });
    const Entry gone = std::move(entry->second);
    group->second.erase(entry);
    tell(name, group->second, gone, kind);
    if (group->second.empty()) {
        groups_.erase(group);
    }
}

void MembershipTable::end_session(uint64_t session, Departure departure) {
    const auto found = groups_of_.find(session);
    if (found == groups_of_.end()) {
        return;
    }
    const std::set<std::string> names = std::move(found->second);
    groups_of_.erase(found);
    for (const std::string& name : names) {
        remove(session, name,
               departure == Departure::kLost ? MemberEventKind::kLost : MemberEventKind::kLeft);
    }
}

}  // namespace memfabric::store
