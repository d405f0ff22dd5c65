// SPDX-License-Identifier: Apache-2.0
#include "store/membership_table.h"

#include <algorithm>

#include "base/permanent.h"

namespace memfabric::store {

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
    return {};
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
                Member{message.rank, ++last_epoch_, outlet_.host_of(request.session), message.payload}};
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
    const std::string body = encode(MemberEventMessage{name, static_cast<uint8_t>(kind), about.member});
    for (const auto& [rank, entry] : group) {
        outlet_.notify(entry.session, Operation::kMemberEvent, body);
    }
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
