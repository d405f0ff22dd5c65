// SPDX-License-Identifier: Apache-2.0
#include "store/client_rounds.h"

#include <algorithm>
#include <utility>

#include "store/group_table.h"

namespace memfabric::store {
namespace {

/// Groups that are never left and used no more would stay for ever.
constexpr size_t kMaxRounds = 4096;

uint8_t kind_of(Operation operation) {
    return static_cast<uint8_t>(operation == Operation::kBarrier ? RoundKind::kBarrier
                                                                 : RoundKind::kAllGather);
}

}  // namespace

ClientRounds::Round& ClientRounds::round_named(Key key) {
    if (rounds_.size() >= kMaxRounds && !rounds_.contains(key)) {
        rounds_.erase(
            std::ranges::min_element(rounds_, {}, [](const auto& entry) { return entry.second.epoch; }));
    }
    return rounds_[std::move(key)];
}

void ClientRounds::note_end(Operation operation, std::string_view request, std::string_view reply) {
    Result<RoundMessage> message = decode<RoundMessage>(request);
    Reader reader(reply);
    uint64_t epoch = 0;
    reader.get(epoch);
    if (message.is_ok() && !reader.failed()) {
        round_named({std::move(message->group), kind_of(operation), message->rank}) = {
            message->size, epoch, std::move(message->payload), false};
    }
}

void ClientRounds::note_given_up(Operation operation, std::string_view request) {
    if (Result<RoundMessage> message = decode<RoundMessage>(request); message.is_ok()) {
        Round& round = round_named({std::move(message->group), kind_of(operation), message->rank});
        round.size = message->size;
        round.was_given_up = true;
    }
}

void ClientRounds::forget_group(const std::string& group) {
    const auto first = rounds_.lower_bound({group, 0, 0});
    auto end = first;
    while (end != rounds_.end() && end->first.group == group) {
        ++end;
    }
    rounds_.erase(first, end);
}

std::vector<RestoreRound> ClientRounds::messages(const std::vector<OpenRound>& open,
                                                 const Since& since) const {
    std::map<Key, RestoreRound> messages;
    for (const auto& [key, round] : rounds_) {
        const bool has_seen = round.epoch != 0;
        messages[key] = {
            key.group, key.kind,      round.size, key.rank, has_seen ? round.epoch : since(key.group),
            has_seen,  round.payload, 0};
    }
    for (const OpenRound& asked : open) {
        const Result<RoundMessage> message = decode<RoundMessage>(asked.body);
        if (!message.is_ok()) {
            continue;
        }
        const Key key{message->group, kind_of(asked.operation), message->rank};
        const auto [position, is_first] = messages.try_emplace(key);
        if (is_first) {
            position->second = {key.group, key.kind, message->size, key.rank, since(key.group), false, {}, 0};
        }
        const auto known = rounds_.find(key);
        const bool is_certain = known == rounds_.end() || !known->second.was_given_up;
        position->second.request = is_certain ? asked.request : 0;
    }
    std::vector<RestoreRound> all;
    all.reserve(messages.size());
    for (auto& [key, message] : messages) {
        all.push_back(std::move(message));
    }
    return all;
}

}  // namespace memfabric::store
