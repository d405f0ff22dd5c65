// SPDX-License-Identifier: Apache-2.0
// Rounds that ended at an earlier start of the store, and whose outcome not everybody has got.
#include <algorithm>
#include <utility>

#include "store/group_table.h"

namespace memfabric::store {

Status GroupTable::restore(uint64_t session, RestoreRound message) {
    MF_RETURN_IF_ERROR(epochs_.take_note(message.epoch));
    if (message.size == 0 || message.size > kMaxWorldSize || message.rank >= message.size ||
        message.kind > static_cast<uint8_t>(RoundKind::kAllGather)) {
        return failure(Code::kStoreInvalidMessage,
                       "restoring a round of group '{}': rank {} of {} is impossible", message.group,
                       message.rank, message.size);
    }
    if (message.request != 0) {
        seen_[{session, message.request}] = message.epoch;
    }
    if (!message.has_seen) {
        return {};
    }
    const auto kind = static_cast<RoundKind>(message.kind);
    Group& group = group_named(message.group);
    Ended& ended = group.ended.at(message.kind);
    if (message.epoch > ended.epoch) {
        begin_ended(group, kind, message);
    }
    // Of older ones the outcome is known to all: it took everybody to end this one.
    if (message.epoch != ended.epoch || message.size != ended.round.size ||
        ended.round.arrived.contains(message.rank)) {
        return {};
    }
    const uint64_t bytes = message.payload.size();
    if (kept_ + bytes > max_kept_ || ended.round.bytes + bytes > max_reply_) {
        ended.is_too_large = true;
        return {};
    }
    add(ended, message.rank, Arrival{{}, std::move(message.payload)});
    end_if_complete(ended, kind);
    return {};
}

/// A round that ended later than the one that was known as the last. Who has made its request before that end
/// has made it for this round.
void GroupTable::begin_ended(Group& group, RoundKind kind, const RestoreRound& message) {
    Ended& ended = group.ended.at(static_cast<size_t>(kind));
    std::vector<std::pair<uint32_t, Arrival>> older;
    kept_ -= ended.round.bytes;
    for (Round* round : {&group.rounds.at(static_cast<size_t>(kind)), &ended.round}) {
        std::erase_if(round->arrived, [&](auto& entry) {
            const bool is_older = entry.second.request.session != 0 && entry.second.seen < message.epoch;
            if (is_older) {
                round->bytes -= entry.second.payload.size();
                waiting_.erase(entry.second.request);
                older.emplace_back(entry.first, std::move(entry.second));
            }
            return is_older;
        });
    }
    if (group.rounds.at(static_cast<size_t>(kind)).arrived.empty()) {
        group.rounds.at(static_cast<size_t>(kind)) = Round();
    }
    ended = Ended();
    ended.epoch = message.epoch;
    ended.round.size = message.size;
    for (auto& [rank, arrival] : older) {
        ask_for_outcome(arrival.request, kind,
                        {message.group, message.size, rank, std::move(arrival.payload)}, arrival.seen);
    }
}

uint64_t GroupTable::take_seen(RequestKey request) {
    const auto found = seen_.find(request);
    if (found == seen_.end()) {
        return kNewRequest;
    }
    const uint64_t seen = found->second;
    seen_.erase(found);
    return seen;
}

void GroupTable::ask_for_outcome(RequestKey request, RoundKind kind, RoundMessage message, uint64_t seen) {
    Group& group = group_named(message.group);
    Ended& ended = group.ended.at(static_cast<size_t>(kind));
    Round& round = ended.round;
    Status status =
        ended.is_too_large
            ? failure(Code::kMallocFailed,
                      "all_gather of group '{}': it ended when the store died, and what its ranks "
                      "gave to it is more than the store may keep (MF_STORE_MAX_MEMORY)",
                      message.group)
            : check(message, round, kind);
    if (status.is_ok()) {
        note_participant(message.group, message.rank, request.session);
        const bool is_known = kind == RoundKind::kBarrier;
        status = is_known ? Status() : check_participants(message.group, group, round, message.size, kind);
    }
    if (!status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    Arrival arrival{request, std::move(message.payload), seen};
    if (kind == RoundKind::kBarrier) {
        outlet_.succeed(request, GatheredMessage{ended.epoch, {}});
        arrival.request = {};
    } else {
        waiting_.emplace(request, Place{message.group, kind, message.rank, true});
    }
    add(ended, message.rank, std::move(arrival));
    end_if_complete(ended, kind);
}

void GroupTable::add(Ended& ended, uint32_t rank, Arrival arrival) {
    kept_ += arrival.payload.size();
    ended.round.bytes += arrival.payload.size();
    ended.round.arrived.emplace(rank, std::move(arrival));
}

void GroupTable::end_if_complete(Ended& ended, RoundKind kind) {
    if (ended.round.arrived.size() < ended.round.size) {
        return;
    }
    kept_ -= ended.round.bytes;
    complete(std::exchange(ended.round, Round()), kind, ended.epoch);
}

/// What a barrier brought is known, whoever is gone; of an all_gather it takes everybody's part.
void GroupTable::fail_outcome_if_gone(const std::string& name, Group& group) {
    Ended& ended = group.ended.at(static_cast<size_t>(RoundKind::kAllGather));
    const uint64_t bytes = ended.round.bytes;
    fail_if_gone(name, group, ended.round, RoundKind::kAllGather);
    kept_ -= bytes - ended.round.bytes;
}

bool GroupTable::is_outcome_awaited(const Group& group) {
    return std::ranges::any_of(group.ended, [](const Ended& ended) {
        return std::ranges::any_of(ended.round.arrived,
                                   [](const auto& entry) { return entry.second.request.session != 0; });
    });
}

void GroupTable::forget_ended(Group& group) {
    for (Ended& ended : group.ended) {
        kept_ -= ended.round.bytes;
        ended = Ended();
    }
}

}  // namespace memfabric::store
