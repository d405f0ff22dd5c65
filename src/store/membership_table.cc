// SPDX-License-Identifier: Apache-2.0
#include "store/membership_table.h"

#include <algorithm>
#include <utility>

#include "base/permanent.h"

namespace memfabric::store {

namespace {

constexpr size_t kMaxPayload = size_t{64} << 10;
constexpr size_t kMaxMemberships = 4096;  // of one session
constexpr uint64_t kMemberOverhead = 64;  // bytes of a member in a reply, beside its texts

uint64_t size_of(const Member& member) {
    return member.payload.size() + member.host_id.size() + kMemberOverhead;
}

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
    const uint64_t own = message.payload.size() + 2 * kMemberOverhead;
    if (own + group.size() * largest_ <= max_reply_) {
        return {};  // as nearly always: a large group is not looked through for each that joins
    }
    uint64_t reply = own;
    for (const auto& [rank, entry] : group) {
        reply += size_of(entry.member);
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
    if (found != groups_.end() && is_done(request.session, message, found->second)) {
        const Member& member = found->second.at(message.rank).member;
        answer(request, found->second, member, member.epoch);
        return true;
    }
    if (const Status status = check(request, message, found == groups_.end() ? none.get() : found->second);
        !status.is_ok()) {
        outlet_.fail(request, status);
        return false;
    }
    Group& group = groups_[message.group];
    Entry entry{request.session,
                Member{message.rank, epochs_.next(), outlet_.host_of(request.session), message.payload,
                       message.ticket, outlet_.process_of(request.session)},
                {}};
    const uint64_t told_since = news_.join(message.group, request.session, message.told_from, entry.member);
    add(group, std::move(entry));
    groups_of_[request.session].insert(message.group);
    answer(request, group, group.at(message.rank).member, told_since);
    return true;
}

/// Whether the request has been carried out, by the store before it died.
bool MembershipTable::is_done(uint64_t session, const JoinRequest& message, const Group& group) {
    const auto entry = group.find(message.rank);
    return entry != group.end() && entry->second.session == session && message.ticket != 0 &&
           entry->second.member.ticket == message.ticket;
}

/// The members that the reply to a join names.
std::vector<const Member*> MembershipTable::members_for(const Member& joiner, const Group& group,
                                                        uint64_t told_since) {
    const bool are_told_later = told_since < joiner.epoch;
    std::vector<const Member*> members;
    for (const auto& [rank, entry] : group) {
        // One of those whom all will be told of together: who disagrees with it need not wait for all.
        if (!are_told_later || rank != joiner.rank) {
            members.push_back(&entry.member);
        }
        if (are_told_later && !members.empty()) {
            members.push_back(&joiner);
            break;
        }
    }
    return members;
}

void MembershipTable::answer(RequestKey request, const Group& group, const Member& joiner,
                             uint64_t told_since) {
    const std::vector<const Member*> members = members_for(joiner, group, told_since);
    // A JoinReply, without a copy of every member that is there.
    Writer writer;
    writer.reserve((members.size() + 1) * size_of(joiner));
    writer.put(Outcome{});
    writer.put(joiner.epoch);
    writer.put(told_since);
    writer.put(static_cast<uint32_t>(members.size()));
    for (const Member* const member : members) {
        writer.put(*member);
    }
    outlet_.reply(request, std::make_shared<const std::string>(writer.take()));
}

void MembershipTable::add(Group& group, Entry entry) {
    largest_ = std::max(largest_, size_of(entry.member));
    const uint32_t rank = entry.member.rank;
    group.emplace(rank, std::move(entry));
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

void MembershipTable::tell(const std::string& name, const Entry& about, MemberEventKind kind) {
    if (!settling_) {
        news_.tell(name, kind, about.member);
    }
}

void MembershipTable::remove(uint64_t session, const std::string& name, MemberEventKind kind) {
    const auto group = groups_.find(name);
    const auto entry = std::find_if(group->second.begin(), group->second.end(), [&](const auto& candidate) {
        return candidate.second.session == session;
    });
    const Entry gone = std::move(entry->second);
    group->second.erase(entry);
    if (settling_ && kind == MemberEventKind::kLeft) {
        left_.emplace(name, gone.member.epoch);
    }
    news_.leave(name, session);
    tell(name, gone, kind);
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
