// SPDX-License-Identifier: Apache-2.0
// Groups at a store that was started again: who was a member, who has come back, who has not.
#include <algorithm>

#include "base/permanent.h"
#include "store/membership_table.h"

namespace memfabric::store {

/// The rank is the session's, or a failure says whose it is.
Status MembershipTable::make_room(uint64_t session, const RestoreMember& message) {
    const std::string& name = message.request.group;
    const uint32_t rank = message.request.rank;
    const auto given_up = given_up_.find(name);
    if (given_up != given_up_.end() && given_up->second.contains(message.epoch)) {
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
    if (!epochs_.wins(message.epoch, holder.member.epoch)) {
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
    if (message.known.size() > kMaxWorldSize) {
        return failure(Code::kStoreInvalidMessage,
                       "restoring group '{}': a member that knows {} others makes no sense", name,
                       message.known.size());
    }
    MF_RETURN_IF_ERROR(make_room(session, message));
    static const Permanent<Group> none;
    const auto found = groups_.find(name);
    MF_RETURN_IF_ERROR(check_room(message.request, found == groups_.end() ? none.get() : found->second,
                                  groups_of_[session].size()));
    Group& group = groups_[name];
    Entry entry{session,
                Member{message.request.rank, message.epoch, outlet_.host_of(session), message.request.payload,
                       message.request.ticket, outlet_.process_of(session)},
                message.known};
    tell(name, entry, MemberEventKind::kJoined);
    news_.enter(name, session, message.request.told_from);
    add(group, std::move(entry));
    groups_of_[session].insert(name);
    if (!settling_) {
        catch_up(name, group, group.at(message.request.rank), [](const std::string&, uint32_t) {});
    }
    return {};
}

bool MembershipTable::adopt(uint64_t session, const JoinRequest& request) {
    const auto group = groups_.find(request.group);
    if (group == groups_.end() || request.ticket == 0 || group->second.contains(request.rank) ||
        groups_of_[session].contains(request.group)) {
        return false;
    }
    for (const auto& [rank, entry] : group->second) {
        for (const KnownMember& member : entry.known) {
            if (member.rank == request.rank && member.ticket == request.ticket) {
                const Member adopted{request.rank,    member.epoch,   outlet_.host_of(session),
                                     request.payload, request.ticket, outlet_.process_of(session)};
                add(group->second, Entry{session, adopted, {}, true});
                news_.enter(request.group, session, request.told_from);
                groups_of_[session].insert(request.group);
                return true;
            }
        }
    }
    return false;
}

bool MembershipTable::is_present(const std::string& name, const KnownMember& member) const {
    const auto group = groups_.find(name);
    if (group == groups_.end()) {
        return false;
    }
    const auto entry = group->second.find(member.rank);
    return (entry != group->second.end() && entry->second.member.epoch == member.epoch) ||
           left_.contains({name, member.epoch});
}

std::vector<std::pair<std::string, KnownMember>> MembershipTable::missing() const {
    std::vector<std::pair<std::string, KnownMember>> missing;
    std::set<std::pair<std::string_view, uint64_t>> known;
    for (const auto& [name, group] : groups_) {
        for (const auto& [rank, entry] : group) {
            for (const KnownMember& member : entry.known) {
                if (!is_present(name, member) && known.emplace(name, member.epoch).second) {
                    missing.emplace_back(name, member);
                }
            }
        }
    }
    return missing;
}

void MembershipTable::settle(const Lost& lost) {
    settling_ = false;
    for (auto& [name, group] : groups_) {
        for (auto& [rank, entry] : group) {
            catch_up(name, group, entry, lost);
        }
    }
    left_.clear();
}

void MembershipTable::catch_up(const std::string& name, const Group& group, Entry& entry, const Lost& lost) {
    std::set<uint64_t> known;  // by epoch
    std::vector<MemberChange> changes;
    for (const KnownMember& member : entry.known) {
        const auto present = group.find(member.rank);
        if (present != group.end() && present->second.member.epoch == member.epoch) {
            known.insert(member.epoch);
            continue;
        }
        const bool has_left = left_.contains({name, member.epoch});
        given_up_[name].insert(member.epoch);
        changes.push_back(
            {static_cast<uint8_t>(has_left ? MemberEventKind::kLeft : MemberEventKind::kLost),
             Member{member.rank, member.epoch, member.host_id, {}, member.ticket, member.process}});
        if (present == group.end() && !has_left) {
            lost(name, member.rank);
        }
    }
    for (const auto& [rank, other] : group) {
        if (!entry.is_adopted && other.session != entry.session && !known.contains(other.member.epoch)) {
            changes.push_back({static_cast<uint8_t>(MemberEventKind::kJoined), other.member});
        }
    }
    news_.tell_one(name, entry.session, std::move(changes));
    entry.known = {};
    entry.is_adopted = false;
}

}  // namespace memfabric::store
