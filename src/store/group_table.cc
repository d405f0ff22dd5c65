// SPDX-License-Identifier: Apache-2.0
#include "store/group_table.h"

#include <algorithm>

#include "store/rank_text.h"

namespace memfabric::store {
namespace {

constexpr size_t kMaxGroups = 16384;  // remembered; idle ones beyond are forgotten

const char* name_of(RoundKind kind) {
    return kind == RoundKind::kBarrier ? "barrier" : "all_gather";
}

}  // namespace

Status GroupTable::check(const RoundMessage& message, const Round& round, RoundKind kind) const {
    const char* what = name_of(kind);
    if (message.size == 0 || message.size > kMaxWorldSize || message.rank >= message.size) {
        return failure(Code::kInvalidParam,
                       "{} of group '{}': rank {} of {} is impossible; a group has 1 to {} ranks", what,
                       message.group, message.rank, message.size, kMaxWorldSize);
    }
    if (round.size != 0 && round.size != message.size) {
        return failure(Code::kInvalidParam,
                       "{} of group '{}': rank {} says that the group has {} ranks, the others of this round "
                       "say {}; all must say the "
                       "same",
                       what, message.group, message.rank, message.size, round.size);
    }
    if (const auto same = round.arrived.find(message.rank); same != round.arrived.end()) {
        return failure(Code::kDuplicatedObject,
                       "{} of group '{}': rank {} is in this round already, called by {}", what,
                       message.group, message.rank, outlet_.describe(same->second.request.session));
    }
    if (round.bytes + message.payload.size() + uint64_t{64} * kMaxWorldSize > max_reply_) {
        return failure(Code::kInvalidParam,
                       "{} of group '{}': the payloads of {} ranks so far have {} bytes; {} more do not fit "
                       "into a message of {} bytes "
                       "(MF_STORE_MAX_MESSAGE)",
                       what, message.group, round.arrived.size(), round.bytes, message.payload.size(),
                       max_reply_);
    }
    return {};
}

Status GroupTable::check_participants(const std::string& name, const Group& group, const Round& round,
                                      uint32_t size, RoundKind kind) const {
    if (group.gone == 0) {
        return {};  // as nearly always: a large group is not looked through for each that arrives
    }
    std::vector<uint32_t> gone;
    std::string who;
    for (const auto& [rank, participant] : group.participants) {
        const auto arrival = round.arrived.find(rank);
        const bool has_done = arrival != round.arrived.end() && arrival->second.request.session == 0;
        if (rank < size && !participant.gone.empty() && !has_done) {
            gone.push_back(rank);
            if (gone.size() <= WaitReport::kMaxAwaited) {
                who += fmt::format("{}{}", who.empty() ? "" : "; ", participant.gone);
            }
        }
    }
    if (gone.empty()) {
        return {};
    }
    return failure(Code::kPeerLost, "{} of group '{}': rank {} of {} is gone ({}); try again when it is back",
                   name_of(kind), name, rank_text(gone), size, who);
}

void GroupTable::arrive(RequestKey request, RoundKind kind, RoundMessage message) {
    const uint64_t seen = take_seen(request);
    const Ended& ended = group_named(message.group).ended.at(static_cast<size_t>(kind));
    if (seen < ended.epoch && ended.round.size == message.size) {
        ask_for_outcome(request, kind, std::move(message), seen);
    } else {
        take_part(request, kind, std::move(message), seen);
    }
}

void GroupTable::take_part(RequestKey request, RoundKind kind, RoundMessage message, uint64_t seen) {
    Group& group = group_named(message.group);
    Round& round = group.rounds.at(static_cast<size_t>(kind));
    Status status = check(message, round, kind);
    if (status.is_ok()) {
        note_participant(message.group, message.rank, request.session);
        status = check_participants(message.group, group, round, message.size, kind);
    }
    if (!status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    round.size = message.size;
    round.bytes += message.payload.size();
    waiting_.emplace(request, Place{message.group, kind, message.rank, false});
    round.arrived.emplace(message.rank, Arrival{request, std::move(message.payload), seen});
    if (round.arrived.size() == round.size) {
        complete(std::exchange(round, Round()), kind, epochs_.next());
    }
}

void GroupTable::complete(Round&& round, RoundKind kind, uint64_t epoch) {
    GatheredMessage gathered{epoch, {}};
    if (kind == RoundKind::kAllGather) {
        for (auto& [rank, arrival] : round.arrived) {
            gathered.payloads.push_back(std::move(arrival.payload));
        }
    }
    answer_all(round, success_body(gathered));
}

void GroupTable::answer_all(const Round& round, const SharedBody& body) {
    for (const auto& [rank, arrival] : round.arrived) {
        waiting_.erase(arrival.request);
        outlet_.reply(arrival.request, body);
    }
}

/// Where a rank is gone that the round cannot end without.
void GroupTable::fail_if_gone(const std::string& name, Group& group, Round& round, RoundKind kind) {
    const Status status = check_participants(name, group, round, round.size, kind);
    if (round.size != 0 && !status.is_ok()) {
        answer_all(std::exchange(round, Round()), failure_body(status));
    }
}

std::string GroupTable::progress_text(const std::string& name, RoundKind kind, const Round& round,
                                      const char* when) const {
    std::vector<uint32_t> missing;
    for (uint32_t rank = 0; rank < round.size; ++rank) {
        if (!round.arrived.contains(rank)) {
            missing.push_back(rank);
        }
    }
    return fmt::format("{} of group '{}': {} of {} ranks came {}, missing: rank {}", name_of(kind), name,
                       round.arrived.size(), round.size, when, rank_text(missing));
}

std::vector<WaitReport::Awaited> GroupTable::awaited_by(const Group& group, const Round& round) const {
    std::vector<WaitReport::Awaited> awaited;
    for (const auto& [rank, participant] : group.participants) {
        if (rank < round.size && !round.arrived.contains(rank) && awaited.size() < WaitReport::kMaxAwaited) {
            awaited.push_back({fmt::format("rank {}", rank), participant.session});
        }
    }
    return awaited;
}

uint64_t GroupTable::open_rounds(RoundKind kind) const {
    return static_cast<uint64_t>(std::ranges::count_if(groups_, [&](const auto& entry) {
        return entry.second.rounds.at(static_cast<size_t>(kind)).size != 0;
    }));
}

void GroupTable::report_waits(std::vector<WaitReport>& reports) const {
    for (const auto& [first, place] : waiting_) {
        const Group& group = groups_.at(place.group);
        const Round& round = round_of(group, place);
        const auto waits = [](const auto& arrival) { return arrival.second.request.session != 0; };
        if (std::ranges::find_if(round.arrived, waits)->second.request != first) {
            continue;  // once a round
        }
        WaitReport report{
            {}, progress_text(place.group, place.kind, round, "so far"), awaited_by(group, round)};
        for (const auto& arrival : round.arrived) {
            if (waits(arrival)) {
                report.waiters.push_back(arrival.second.request);
            }
        }
        reports.push_back(std::move(report));
    }
}

void GroupTable::set_participant(Group& group, uint32_t rank, Participant participant) {
    Participant& place = group.participants[rank];
    group.gone += participant.gone.empty() ? 0 : 1;
    group.gone -= place.gone.empty() ? 0 : 1;
    place = std::move(participant);
}

void GroupTable::note_participant(const std::string& name, uint32_t rank, uint64_t session) {
    set_participant(group_named(name), rank, Participant{session, {}});
    groups_of_[session].insert(name);
}

void GroupTable::note_lost(const std::string& name, uint32_t rank) {
    set_participant(group_named(name), rank, Participant{0, "it was lost while the config store was away"});
}

std::optional<Status> GroupTable::cancel(RequestKey request) {
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) {
        return std::nullopt;
    }
    const Place place = std::move(found->second);
    waiting_.erase(found);
    Round& round = round_of(groups_.at(place.group), place);
    std::string text = progress_text(place.group, place.kind, round, "by the deadline");
    for (const WaitReport::Awaited& awaited : awaited_by(groups_.at(place.group), round)) {
        text += fmt::format("; {} is {}", awaited.name, outlet_.describe(awaited.session));
    }
    const uint64_t bytes = round.arrived.at(place.rank).payload.size();
    round.bytes -= bytes;
    kept_ -= place.has_ended ? bytes : 0;
    round.arrived.erase(place.rank);
    if (round.arrived.empty()) {
        round = Round();
    }
    return Status(Code::kTimeout, text);
}

void GroupTable::end_session(uint64_t session, Departure departure) {
    for (auto next = waiting_.lower_bound({session, 0});
         next != waiting_.end() && next->first.session == session;) {
        const RequestKey request = (next++)->first;
        static_cast<void>(cancel(request));
    }
    seen_.erase(seen_.lower_bound({session, 0}), seen_.upper_bound({session, UINT64_MAX}));
    const auto found = groups_of_.find(session);
    if (found == groups_of_.end()) {
        return;
    }
    const std::set<std::string> names = std::move(found->second);
    groups_of_.erase(found);
    const std::string why = fmt::format("{} {}", outlet_.describe(session),
                                        departure == Departure::kLost ? "was lost" : "has left");
    for (const std::string& name : names) {
        depart(name, session, why);
    }
}

void GroupTable::leave(const std::string& name, uint64_t session) {
    const auto found = groups_of_.find(session);
    if (found == groups_of_.end() || found->second.erase(name) == 0) {
        return;
    }
    if (found->second.empty()) {
        groups_of_.erase(found);
    }
    depart(name, session, fmt::format("{} has left the group", outlet_.describe(session)));
}

void GroupTable::depart(const std::string& name, uint64_t session, const std::string& why) {
    const auto found = groups_.find(name);
    if (found == groups_.end()) {
        return;  // others took all of this session's ranks, and have gone since
    }
    Group& group = found->second;
    bool somebody = false;
    for (auto& [rank, participant] : group.participants) {
        if (participant.session == session) {
            group.gone += participant.gone.empty() ? 1 : 0;
            participant.gone = why;
        }
        somebody = somebody || participant.gone.empty();
    }
    for (const RoundKind kind : {RoundKind::kBarrier, RoundKind::kAllGather}) {
        fail_if_gone(name, group, group.rounds.at(static_cast<size_t>(kind)), kind);
    }
    fail_outcome_if_gone(name, group);
    if (!somebody) {
        forget_ended(group);
        groups_.erase(name);
    }
}

GroupTable::Group& GroupTable::group_named(const std::string& name) {
    if (groups_.size() >= std::max(forget_at_, 2 * kMaxGroups) && !groups_.contains(name)) {
        forget_idle_groups();
        forget_at_ =
            2 * groups_.size();  // where none of them is idle, looking again soon would take for ever
    }
    Group& group = groups_[name];
    group.last_used = ++uses_;
    return group;
}

void GroupTable::forget_idle_groups() {
    std::vector<uint64_t> uses;
    for (const auto& [name, group] : groups_) {
        uses.push_back(group.last_used);
    }
    std::nth_element(uses.begin(), uses.begin() + kMaxGroups, uses.end());
    const uint64_t oldest_kept = uses[kMaxGroups];
    for (auto entry = groups_.begin(); entry != groups_.end();) {
        Group& group = entry->second;
        const bool idle = group.rounds[0].size == 0 && group.rounds[1].size == 0 &&
                          group.last_used < oldest_kept && !is_outcome_awaited(group);
        if (!idle) {
            ++entry;
            continue;
        }
        for (const auto& [rank, participant] : group.participants) {
            if (const auto found = groups_of_.find(participant.session); found != groups_of_.end()) {
                found->second.erase(entry->first);
            }
        }
        forget_ended(group);
        entry = groups_.erase(entry);
    }
}

}  // namespace memfabric::store
