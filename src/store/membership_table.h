// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "store/outlet.h"

namespace memfabric::store {

/// Groups with members that come and go, who hear of each other.
class MembershipTable {
 public:
    explicit MembershipTable(Outlet& outlet) : outlet_(outlet) {}

    /// Returns whether the session is a member now.
    bool join(RequestKey request, const JoinRequest& message);
    void leave(RequestKey request, const std::string& group);
    void end_session(uint64_t session, Departure departure);

 private:
    struct Entry {
        uint64_t session = 0;
        Member member;
    };
    using Group = std::map<uint32_t, Entry>;  // by rank

    Status check(RequestKey request, const JoinRequest& message, const Group& group) const;
    void tell(const std::string& name, const Group& group, const Entry& about, MemberEventKind kind);
    void remove(uint64_t session, const std::string& name, MemberEventKind kind);

    Outlet& outlet_;
    uint64_t last_epoch_ = 0;
    std::map<std::string, Group> groups_;
    std::map<uint64_t, std::set<std::string>> groups_of_;  // by session
};

}  // namespace memfabric::store
