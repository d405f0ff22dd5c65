// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/answer_book.h"

#include <algorithm>

namespace memfabric::transport {
namespace {

constexpr std::chrono::minutes kKept{1};
constexpr size_t kSmall = 64;

}  // namespace

AnswerBook::Novelty AnswerBook::enter(uint64_t sender, uint64_t id, uint64_t oldest) {
    if (senders_.size() >= kMostSenders && !senders_.contains(sender)) {
        forget_the_most_silent();
    }
    Sender& known = senders_[sender];
    known.last_heard = Clock::now();
    if (oldest > known.floor) {
        known.floor = oldest;
        known.entries.erase(known.entries.begin(), known.entries.lower_bound(oldest));
    }
    if (id < known.floor) {
        return Novelty::kStale;
    }
    if (known.entries.size() >= kMostEntries && !known.entries.contains(id)) {
        return Novelty::kStale;  // it says of none that it has the answer: it does not keep to the protocol
    }
    const auto [entry, is_new] = known.entries.try_emplace(id);
    if (is_new) {
        return Novelty::kNew;
    }
    return entry->second.answer == nullptr ? Novelty::kUnderWay : Novelty::kAnswered;
}

void AnswerBook::answered(uint64_t sender, uint64_t id, std::shared_ptr<const Answer> answer) {
    const auto known = senders_.find(sender);
    if (known == senders_.end()) {
        return;
    }
    const auto entry = known->second.entries.find(id);
    if (entry != known->second.entries.end()) {
        entry->second = {std::move(answer), Clock::now()};
    }
}

void AnswerBook::forget(uint64_t sender, uint64_t id) {
    if (const auto known = senders_.find(sender); known != senders_.end()) {
        known->second.entries.erase(id);
    }
}

std::shared_ptr<const Answer> AnswerBook::answer(uint64_t sender, uint64_t id) const {
    return senders_.at(sender).entries.at(id).answer;
}

void AnswerBook::shrink(Clock::time_point now) {
    static const auto gone = std::make_shared<const Answer>(
        Answer{Code::kError, "the request was carried out, but its answer is kept no longer"});
    for (auto& [sender, known] : senders_) {
        for (auto& [id, entry] : known.entries) {
            if (entry.answer != nullptr && entry.answer->bytes.size() > kSmall && now - entry.when > kKept) {
                entry.answer = gone;
            }
        }
    }
}

void AnswerBook::forget_the_most_silent() {
    const auto silent =
        std::ranges::min_element(senders_, {}, [](const auto& sender) { return sender.second.last_heard; });
    senders_.erase(silent);
}

}  // namespace memfabric::transport
