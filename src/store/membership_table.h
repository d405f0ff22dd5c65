// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/epochs.h"
#include "store/member_news.h"
#include "store/outlet.h"

namespace memfabric::store {

/// Groups with members that come and go, who hear of each other.
class MembershipTable {
 public:
    MembershipTable(Outlet& outlet, Epochs& epochs, uint64_t max_reply)
        : outlet_(outlet), epochs_(epochs), max_reply_(max_reply), news_(outlet, max_reply) {}

    /// Returns whether the session is a member now.
    bool join(RequestKey request, const JoinRequest& message);
    void leave(RequestKey request, const std::string& group);
    void end_session(uint64_t session, Departure departure);

    /// What members are still to be told of each other.
    MemberNews& news() { return news_; }
    const MemberNews& news() const { return news_; }

    /// Until settle() members come and go without a word to the others.
    void begin_settling() { settling_ = true; }
    /// The session has been a member at an earlier start of the store. Where two say so, the later one wins
    /// and the other process is given up; a failure gives up this one.
    Status restore(uint64_t session, const RestoreMember& message);
    /// Whether others know the session as a member already, though it was not told so before the store died:
    /// it is the one that they know, then, and join() of the same request succeeds.
    bool adopt(uint64_t session, const JoinRequest& request);
    /// Whom restored members know and who is not here, with the names of the groups.
    std::vector<std::pair<std::string, KnownMember>> missing() const;
    bool is_present(const std::string& group, const KnownMember& member) const;
    /// Tells every restored member what it does not know yet. `lost` hears of those who did not come back.
    using Lost = std::function<void(const std::string& group, uint32_t rank)>;
    void settle(const Lost& lost);

 private:
    struct Entry {
        uint64_t session = 0;
        Member member;
        std::vector<KnownMember> known;  // until it has caught up
        bool is_adopted = false;         // likewise: the reply to its request will tell it of the others
    };
    using Group = std::map<uint32_t, Entry>;  // by rank

    Status check(RequestKey request, const JoinRequest& message, const Group& group) const;
    void tell(const std::string& name, const Entry& about, MemberEventKind kind);
    Status check_room(const JoinRequest& message, const Group& group, size_t memberships) const;
    Status make_room(uint64_t session, const RestoreMember& message);
    void catch_up(const std::string& name, const Group& group, Entry& entry, const Lost& lost);
    static bool is_done(uint64_t session, const JoinRequest& message, const Group& group);
    static std::vector<const Member*> members_for(const Member& joiner, const Group& group,
                                                  uint64_t told_since);
    void add(Group& group, Entry entry);
    void answer(RequestKey request, const Group& group, const Member& joiner, uint64_t told_since);
    void remove(uint64_t session, const std::string& name, MemberEventKind kind);

    Outlet& outlet_;
    Epochs& epochs_;
    uint64_t max_reply_;
    uint64_t largest_ = 0;  // bytes of the largest member so far, in a reply
    MemberNews news_;
    bool settling_ = false;
    std::map<std::string, Group> groups_;
    std::map<uint64_t, std::set<std::string>> groups_of_;  // by session
    std::map<std::string, std::set<uint64_t>> given_up_;   // by group: epochs of who was not back in time
    std::set<std::pair<std::string, uint64_t>> left_;      // group and epoch: while the store settled
};

}  // namespace memfabric::store
