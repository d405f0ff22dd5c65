// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "store/epochs.h"
#include "store/outlet.h"

namespace memfabric::store {

enum class RoundKind { kBarrier, kAllGather };

/// Barriers and allgathers: rounds that end when all ranks of a group have arrived. The table remembers which
/// session was which rank of a group, so that a round that waits for a dead one fails at once.
class GroupTable {
 public:
    /// `max_kept`: bytes that participants of rounds that ended earlier may have given to them.
    GroupTable(Outlet& outlet, Epochs& epochs, uint64_t max_reply, uint64_t max_kept)
        : outlet_(outlet), epochs_(epochs), max_reply_(max_reply), max_kept_(max_kept) {}

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
    /// How many rounds of that kind have begun and not ended.
    uint64_t open_rounds(RoundKind kind) const;
    void end_session(uint64_t session, Departure departure);
    /// How far the session has come as a rank of the group at an earlier start of the store. A request of its
    /// that is older than the end of the group's last round is one for the outcome of that round.
    Status restore(uint64_t session, RestoreRound message);

 private:
    static constexpr uint64_t kNewRequest = UINT64_MAX;

    struct Arrival {
        RequestKey request;  // of session 0: none, it has seen the end of the round
        std::string payload;
        uint64_t seen = kNewRequest;  // the round up to which the process knew when it made the request
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
    /// The last round that ended at an earlier start of the store, as far as it is known: those who have seen
    /// the end tell what they gave to it, those who have not ask for the outcome.
    struct Ended {
        uint64_t epoch = 0;
        Round round;  // of size 0: everybody has seen the end
        bool is_too_large = false;
    };
    struct Group {
        std::array<Round, 2> rounds;  // by kind; of size 0: none is open
        std::array<Ended, 2> ended;
        std::map<uint32_t, Participant> participants;
        size_t gone = 0;  // of them
        uint64_t last_used = 0;
    };
    struct Place {
        std::string group;
        RoundKind kind;
        uint32_t rank;
        bool has_ended;  // the round: it waits for the outcome
    };

    Status check(const RoundMessage& message, const Round& round, RoundKind kind) const;
    static void set_participant(Group& group, uint32_t rank, Participant participant);
    Status check_participants(const std::string& name, const Group& group, const Round& round, uint32_t size,
                              RoundKind kind) const;
    static auto& round_of(auto& group, const Place& place) {
        const auto kind = static_cast<size_t>(place.kind);
        return place.has_ended ? group.ended.at(kind).round : group.rounds.at(kind);
    }
    void take_part(RequestKey request, RoundKind kind, RoundMessage message, uint64_t seen);
    void ask_for_outcome(RequestKey request, RoundKind kind, RoundMessage message, uint64_t seen);
    uint64_t take_seen(RequestKey request);
    void begin_ended(Group& group, RoundKind kind, const RestoreRound& message);
    void end_if_complete(Ended& ended, RoundKind kind);
    void fail_outcome_if_gone(const std::string& name, Group& group);
    static bool is_outcome_awaited(const Group& group);
    void forget_ended(Group& group);
    void add(Ended& ended, uint32_t rank, Arrival arrival);
    void depart(const std::string& name, uint64_t session, const std::string& why);
    void complete(Round&& round, RoundKind kind, uint64_t epoch);
    void answer_all(const Round& round, const SharedBody& body);
    void fail_if_gone(const std::string& name, Group& group, Round& round, RoundKind kind);
    /// `when`: "by the deadline" or "so far".
    std::string progress_text(const std::string& name, RoundKind kind, const Round& round,
                              const char* when) const;
    /// The participants that have not arrived, as far as they are known.
    std::vector<WaitReport::Awaited> awaited_by(const Group& group, const Round& round) const;
    Group& group_named(const std::string& name);
    void forget_idle_groups();

    Outlet& outlet_;
    Epochs& epochs_;
    uint64_t max_reply_;
    uint64_t max_kept_;
    uint64_t kept_ = 0;  // bytes of rounds that have ended
    uint64_t uses_ = 0;
    size_t forget_at_ = 0;  // how many groups there have to be before idle ones are looked for
    std::map<std::string, Group> groups_;
    std::map<RequestKey, Place> waiting_;
    std::map<RequestKey, uint64_t> seen_;                  // of requests that were made before the store died
    std::map<uint64_t, std::set<std::string>> groups_of_;  // by session
};

}  // namespace memfabric::store
