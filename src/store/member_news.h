// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "store/outlet.h"

namespace memfabric::store {

/// Who is to hear of which changes among a group's members. A change that follows another one closely waits a
/// moment, the longer the larger the group is, so that what a thousand ranks do at once is told each of them
/// in a few messages instead of a thousand. Everyone hears the same changes in the same order, and before the
/// reply to any request of its own: what somebody knew before is no news to whom he tells it through the
/// store.
class MemberNews {
 public:
    using Clock = std::chrono::steady_clock;

    /// `max_message`: bytes of an event, but for a single change that is longer.
    MemberNews(Outlet& outlet, uint64_t max_message) : outlet_(outlet), max_message_(max_message) {}

    /// The session joins as `about`, which the others hear, and hears of the group's changes from now on.
    /// Changes of a group that is `told_from` n wait until it has n members, or the first of them goes, or
    /// somebody says another n. Until then those who join hear of who was there before from this, too,
    /// together with all others: one list serves all. Returns the epoch from which on joins are told to it.
    uint64_t join(const std::string& group, uint64_t session, uint32_t told_from, const Member& about);
    /// Likewise, but nobody hears of it, and it knows, or will be told, who is there.
    void enter(const std::string& group, uint64_t session, uint32_t told_from);
    void leave(const std::string& group, uint64_t session);

    /// For all who have entered.
    void tell(const std::string& group, MemberEventKind kind, const Member& about);
    /// For one of them, at once.
    void tell_one(const std::string& group, uint64_t session, std::vector<MemberChange> changes);

    /// The session hears what waits for it; with `all` also of groups that are told once they are complete.
    void catch_up(uint64_t session, bool all);

    std::optional<Clock::time_point> next_due() const;
    void tell_due(Clock::time_point now);

 private:
    struct Group {
        std::map<uint64_t, uint64_t> heard;  // by session: changes that it needs to hear no more
        std::deque<MemberChange> changes;
        uint64_t first = 0;  // number of the first of `changes`
        uint64_t bytes = 0;  // of all of them, about
        uint32_t told_from = 0;
        bool is_open = false;    // to be told without waiting for more members
        bool is_whole = true;    // `changes` are all that there have been, from the first member's join on
        bool are_leaves = true;  // all of `changes`
        std::optional<Clock::time_point> told;
        std::optional<Clock::time_point> due;

        uint64_t end() const { return first + changes.size(); }
    };

    Group& entered(const std::string& name, uint32_t told_from);
    void make_room(const std::string& name, Group& group, const Member& about);
    void add(const std::string& name, Group& group, MemberEventKind kind, const Member& about);
    void schedule(const std::string& name, Group& group);
    void set_due(const std::string& name, Group& group, std::optional<Clock::time_point> due);
    void tell_all(const std::string& name, Group& group);
    SharedBody message(const std::string& name, const Group& group, uint64_t from) const;

    Outlet& outlet_;
    uint64_t max_message_;
    std::map<std::string, Group> groups_;
    std::set<std::string> waiting_;  // groups with changes that not all have heard
    std::set<std::pair<Clock::time_point, std::string>> due_;
};

}  // namespace memfabric::store
