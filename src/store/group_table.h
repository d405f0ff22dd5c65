// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "store/outlet.h"

namespace memfabric::store {

enum class RoundKind { kBarrier, kAllGather };

/// Barriers and allgathers: rounds that end when all ranks of a group have arrived. The table remembers which
/// session was which rank of a group, so that a round that waits for a dead one fails at once.
class GroupTable {
 public:
    GroupTable(Outlet& outlet, uint64_t max_reply) : outlet_(outlet), max_reply_(max_reply) {}

    void arrive(RequestKey request, RoundKind kind, RoundMessage message);
    /// `rank` of `group` is this session, which has joined it.
    void note_participant(const std::string& group, uint32_t rank, uint64_t session);
    /// The session has left the group: rounds that need it fail, until its rank arrives or joins again.
    void leave(const std::string& group, uint64_t session);
    /// `rank` of `group` went while the store was away.
    void note_lost(const std::string& group, uint32_t rank);
    std::optional<Status> cancel(RequestKey request);
    /// Adds what waits here, and for whom.
    void report_waits(std::vector<WaitReport>& reports) const;
    void end_session(uint64_t session, Departure departure);

 private:
    struct Arrival {
        RequestKey request;
        std::string payload;
    };
    struct Round {
        uint32_t size = 0;
        uint64_t bytes = 0;
        std::map<uint32_t, Arrival> arrived;  // by rank
    };
    struct Participant {
        uint64_t session = 0;
        std::string gone;  // why it is no more; empty: it lives
    };
    struct Group {
        std::array<Round, 2> rounds;  // by kind; of size 0: none is open
        std::map<uint32_t, Participant> participants;
        uint64_t last_used = 0;
    };
    struct Place {
        std::string group;
        RoundKind kind;
        uint32_t rank;
    };

    Status check(const RoundMessage& message, const Round& round, RoundKind kind) const;
    Status check_participants(const std::string& name, const Group& group, uint32_t size,
                              RoundKind kind) const;
    void depart(const std::string& name, uint64_t session, const std::string& why);
    void complete(Round&& round, RoundKind kind);
    void fail_round(Group& group, RoundKind kind, const Status& status);
    /// `when`: "by the deadline" or "so far".
    std::string progress_text(const std::string& name, RoundKind kind, const Round& round,
                              const char* when) const;
    /// The participants that have not arrived, as far as they are known.
    std::vector<WaitReport::Awaited> awaited_by(const Group& group, const Round& round) const;
    Group& group_named(const std::string& name);
    void forget_idle_groups();

    Outlet& outlet_;
    uint64_t max_reply_;
    uint64_t uses_ = 0;
    size_t forget_at_ = 0;  // how many groups there have to be before idle ones are looked for
    std::map<std::string, Group> groups_;
    std::map<RequestKey, Place> waiting_;
    std::map<uint64_t, std::set<std::string>> groups_of_;  // by session
};

}  // namespace memfabric::store
