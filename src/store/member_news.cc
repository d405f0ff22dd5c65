// SPDX-License-Identifier: Apache-2.0
#include "store/member_news.h"

#include <algorithm>
#include <iterator>

namespace memfabric::store {
namespace {

/// Between two messages to each member of a group, for each member: telling all takes about a fifth of that.
constexpr std::chrono::microseconds kPausePerMember(50);
/// Where members have left, and nothing else: who leaves in good order has seen to all that is urgent.
constexpr std::chrono::microseconds kPauseForLeaves(500);
constexpr uint64_t kMostBytes = 256 << 10;  // of changes that wait
constexpr uint64_t kChangeOverhead = 64;    // bytes of one in a message, beside its texts

uint64_t size_of(const Member& member) {
    return member.payload.size() + member.host_id.size() + kChangeOverhead;
}

}  // namespace

/// The group, which gets one member more.
MemberNews::Group& MemberNews::entered(const std::string& name, uint32_t told_from) {
    Group& group = groups_[name];
    if (group.heard.empty()) {
        group.told_from = told_from;
    }
    group.is_open = group.is_open || group.told_from != told_from || group.heard.size() + 1 >= told_from;
    return group;
}

uint64_t MemberNews::join(const std::string& name, uint64_t session, uint32_t told_from,
                          const Member& about) {
    Group& group = entered(name, told_from);
    make_room(name, group, about);
    // Not who makes it complete: what all hear then would overtake the reply.
    const bool hears_all = group.is_whole && !group.is_open;
    if (hears_all || !group.heard.empty()) {
        add(name, group, MemberEventKind::kJoined, about);
    }
    group.heard[session] = hears_all ? group.first : group.end();
    const uint64_t since = hears_all ? group.changes.front().member.epoch : about.epoch;
    if (!group.changes.empty()) {
        schedule(name, group);
    }
    return since;
}

void MemberNews::enter(const std::string& name, uint64_t session, uint32_t told_from) {
    Group& group = entered(name, told_from);
    group.is_whole = false;
    group.heard[session] = group.end();
    if (!group.changes.empty()) {
        schedule(name, group);
    }
}

void MemberNews::leave(const std::string& name, uint64_t session) {
    const auto found = groups_.find(name);
    if (found == groups_.end() || found->second.heard.erase(session) == 0) {
        return;
    }
    Group& group = found->second;
    if (group.heard.empty()) {
        waiting_.erase(name);
        set_due(name, group, std::nullopt);
        groups_.erase(found);
        return;
    }
    group.is_open = true;
    if (!group.changes.empty()) {
        schedule(name, group);
    }
}

void MemberNews::tell(const std::string& name, MemberEventKind kind, const Member& about) {
    const auto found = groups_.find(name);
    if (found == groups_.end()) {
        return;
    }
    make_room(name, found->second, about);
    add(name, found->second, kind, about);
    schedule(name, found->second);
}

/// Tells what has been kept where it would be too much for one message with this.
void MemberNews::make_room(const std::string& name, Group& group, const Member& about) {
    if (!group.changes.empty() && group.bytes + size_of(about) > std::min(kMostBytes, max_message_ / 2)) {
        tell_all(name, group);
    }
}

void MemberNews::add(const std::string& name, Group& group, MemberEventKind kind, const Member& about) {
    group.changes.push_back({static_cast<uint8_t>(kind), about});
    group.bytes += size_of(about);
    group.are_leaves = group.are_leaves && kind == MemberEventKind::kLeft;
    waiting_.insert(name);
}

void MemberNews::schedule(const std::string& name, Group& group) {
    if (!group.is_open) {
        return;
    }
    const auto pause = group.are_leaves ? kPauseForLeaves : kPausePerMember;
    const Clock::time_point due = group.told ? *group.told + pause * static_cast<int64_t>(group.heard.size())
                                             : Clock::time_point::min();
    if (!group.due || due < *group.due) {
        set_due(name, group,
                due);  // also where it is told at once: should there be no memory for that, it is later
    }
    if (due <= Clock::now()) {
        tell_all(name, group);
    }
}

void MemberNews::set_due(const std::string& name, Group& group, std::optional<Clock::time_point> due) {
    if (group.due) {
        due_.erase({*group.due, name});
    }
    group.due = due;
    if (due) {
        due_.emplace(*due, name);
    }
}

SharedBody MemberNews::message(const std::string& name, const Group& group, uint64_t from) const {
    MemberEventMessage event{name, {}};
    std::copy(group.changes.begin() + static_cast<std::ptrdiff_t>(from - group.first), group.changes.end(),
              std::back_inserter(event.changes));
    return std::make_shared<const std::string>(encode(event));
}

void MemberNews::tell_all(const std::string& name, Group& group) {
    std::map<uint64_t, SharedBody> messages;  // by the first change in them
    for (auto& [session, heard] : group.heard) {
        if (heard < group.end()) {
            SharedBody& body = messages[heard];
            body = body ? body : message(name, group, heard);
            outlet_.notify(session, Operation::kMemberEvent, body);
            heard = group.end();
        }
    }
    group.first = group.end();
    group.is_whole = false;
    group.changes.clear();
    group.bytes = 0;
    group.are_leaves = true;
    group.told = Clock::now();
    set_due(name, group, std::nullopt);
    waiting_.erase(name);
}

void MemberNews::tell_one(const std::string& name, uint64_t session, std::vector<MemberChange> changes) {
    catch_up(session, true);
    if (!changes.empty()) {
        outlet_.notify(
            session, Operation::kMemberEvent,
            std::make_shared<const std::string>(encode(MemberEventMessage{name, std::move(changes)})));
    }
}

void MemberNews::catch_up(uint64_t session, bool all) {
    for (const std::string& name : waiting_) {
        Group& group = groups_.at(name);
        const auto reader = group.heard.find(session);
        if (reader != group.heard.end() && reader->second < group.end() && (all || group.is_open)) {
            outlet_.notify(session, Operation::kMemberEvent, message(name, group, reader->second));
            reader->second = group.end();
        }
    }
}

std::optional<MemberNews::Clock::time_point> MemberNews::next_due() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

void MemberNews::tell_due(Clock::time_point now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const std::string name = due_.begin()->second;
        tell_all(name, groups_.at(name));
    }
}

}  // namespace memfabric::store
