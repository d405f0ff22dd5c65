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

Status GroupTable::check_participants(const std::string& name, const Group& group, uint32_t size,
                                      RoundKind kind) const {
    std::vector<uint32_t> gone;
    std::string who;
    for (const auto& [rank, participant] : group.participants) {
        if (rank < size && !participant.gone.empty()) {
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
    Group& group = group_named(message.group);
    Round& round = group.rounds.at(static_cast<size_t>(kind));
    Status status = check(message, round, kind);
    if (status.is_ok()) {
        note_participant(message.group, message.rank, request.session);
        status = check_participants(message.group, group, message.size, kind);
    }
    if (!status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    round.size = message.size;
    round.bytes += message.payload.size();
    waiting_.emplace(request, Place{message.group, kind, message.rank});
    round.arrived.emplace(message.rank, Arrival{request, std::move(message.payload)});
    if (round.arrived.size() == round.size) {
        complete(std::exchange(round, Round()), kind);
    }
}

void GroupTable::complete(Round&& round, RoundKind kind) {
    SharedBody body;
    if (kind == RoundKind::kBarrier) {
        body = failure_body(Status());
    } else {
        Value<std::vector<std::string>> payloads;
        for (auto& [rank, arrival] : round.arrived) {
            payloads.value.push_back(std::move(arrival.payload));
        }
        body = success_body(payloads);
    }
    for (const auto& [rank, arrival] : round.arrived) {
        waiting_.erase(arrival.request);
        outlet_.reply(arrival.request, body);
    }
}

void GroupTable::fail_round(Group& group, RoundKind kind, const Status& status) {
    const Round round = std::exchange(group.rounds.at(static_cast<size_t>(kind)), Round());
    const SharedBody body = failure_body(status);
    for (const auto& [rank, arrival] : round.arrived) {
        waiting_.erase(arrival.request);
        outlet_.reply(arrival.request, body);
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

void GroupTable::report_waits(std::vector<WaitReport>& reports) const {
    for (const auto& [first, place] : waiting_) {
        const Group& group = groups_.at(place.group);
        const Round& round = group.rounds.at(static_cast<size_t>(place.kind));
        if (round.arrived.begin()->second.request != first) {
            continue;  // once a round
        }
        WaitReport report{
            {}, progress_text(place.group, place.kind, round, "so far"), awaited_by(group, round)};
        for (const auto& [rank, arrival] : round.arrived) {
            report.waiters.push_back(arrival.request);
        }
        reports.push_back(std::move(report));
    }
}

void GroupTable::note_participant(const std::string& name, uint32_t rank, uint64_t session) {
    group_named(name).participants[rank] = Participant{session, {}};
    groups_of_[session].insert(name);
}

void GroupTable::note_lost(const std::string& name, uint32_t rank) {
    group_named(name).participants[rank] = Participant{0, "it was lost while the config store was away"};
}

std::optional<Status> GroupTable::cancel(RequestKey request) {
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) {
        return std::nullopt;
    }
    const Place place = std::move(found->second);
    waiting_.erase(found);
    Round& round = groups_.at(place.group).rounds.at(static_cast<size_t>(place.kind));
    std::string text = progress_text(place.group, place.kind, round, "by the deadline");
    for (const WaitReport::Awaited& awaited : awaited_by(groups_.at(place.group), round)) {
        text += fmt::format("; {} is {}", awaited.name, outlet_.describe(awaited.session));
    }
    round.bytes -= round.arrived.at(place.rank).payload.size();
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
            participant.gone = why;
        }
        somebody = somebody || participant.gone.empty();
    }
    for (const RoundKind kind : {RoundKind::kBarrier, RoundKind::kAllGather}) {
        const uint32_t size = group.rounds.at(static_cast<size_t>(kind)).size;
        if (const Status status = check_participants(name, group, size, kind); size != 0 && !status.is_ok()) {
            fail_round(group, kind, status);
        }
    }
    if (!somebody) {
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
    std::erase_if(groups_, [&](const auto& entry) {
        const Group& group = entry.second;
        const bool idle =
            group.rounds[0].size == 0 && group.rounds[1].size == 0 && group.last_used < oldest_kept;
        for (const auto& [rank, participant] : group.participants) {
            if (const auto found = groups_of_.find(participant.session); idle && found != groups_of_.end()) {
                found->second.erase(entry.first);
            }
        }
        return idle;
    });
}

}  // namespace memfabric::store
