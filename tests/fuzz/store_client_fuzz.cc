// SPDX-License-Identifier: Apache-2.0
// What a store says to a client: replies, from which the client learns what it holds and would tell a store
// that was started again, and events, which go to its handlers.
#include <algorithm>

#include "store/client_handlers.h"
#include "store/client_holdings.h"
#include "tests/fuzz/fuzz.h"

using namespace memfabric;
using namespace memfabric::store;
using fuzz::require;

namespace {

constexpr const char* kGroup = "g";

/// A client that watches a key and is a member of a group, or is about to be.
class Ear {
 public:
    Ear() {
        handlers_.add_watch([this](std::string_view, const std::optional<std::string>&) { ++heard_; });
        require(handlers_.add_group(kGroup, [this](const MemberEvent& event) { hear(event); }));
    }

    void deliver(Operation operation, const std::string& body) { handlers_.deliver(operation, body); }

    void join(uint64_t epoch, uint64_t told_since) {
        epoch_ = epoch;
        told_since_ = told_since;
        handlers_.release_group(kGroup, epoch, told_since);
        is_member_ = true;
    }
    void leave() {
        handlers_.remove_group(kGroup);
        is_member_ = false;
        require(handlers_.add_group(kGroup, [this](const MemberEvent& event) { hear(event); }));
    }

 private:
    void hear(const MemberEvent& event) {
        require(is_member_);
        require(event.kind != MemberEventKind::kJoined ||
                (event.member.epoch >= told_since_ && event.member.epoch != epoch_));
        ++heard_;
        if (event.member.rank == 0xff) {
            leave();  // handlers may do that
        }
    }

    ClientHandlers handlers_;
    uint64_t heard_ = 0;
    uint64_t epoch_ = 0;
    uint64_t told_since_ = 0;
    bool is_member_ = false;
};

template <typename T>
bool is_message(std::string_view bytes) {
    const Result<T> message = decode<T>(bytes);
    return message.is_ok() && encode(*message) == bytes;
}

bool is_restored(Operation operation, std::string_view body) {
    switch (operation) {
        case Operation::kRestoreArena:
            return is_message<RestoreArena>(body);
        case Operation::kRestoreWindow:
            return is_message<RestoreWindow>(body);
        case Operation::kRestoreRank:
            return is_message<RestoreRank>(body);
        case Operation::kRestoreMember:
            return is_message<RestoreMember>(body);
        case Operation::kRestoreKey:
            return is_message<RestoreKey>(body);
        case Operation::kRestoreWatch:
            return is_message<RestoreWatch>(body);
        case Operation::kRestoreRound:
            return is_message<RestoreRound>(body);
        default:
            return false;
    }
}

std::string_view take_text(fuzz::Input& input, std::string_view& rest) {
    const size_t wanted = input.take<uint8_t>();
    rest = input.rest();
    const std::string_view text = rest.substr(0, wanted);
    input = fuzz::Input(rest.substr(text.size()));
    return text;
}

/// The bytes as a sequence of (what, operation, length, body, and what belongs to it).
void listen(fuzz::Input input) {
    Ear ear;
    ClientHoldings holdings;
    std::vector<OpenRound> open;
    std::string_view rest;
    while (!input.is_empty()) {
        const auto what = input.take<uint8_t>();
        const auto operation = static_cast<Operation>(input.take<uint8_t>());
        const std::string_view body = take_text(input, rest);
        switch (what % 8) {
            case 0:
            case 1:
                holdings.note(operation, body, take_text(input, rest));
                break;
            case 2:
            case 3:
                holdings.note_event(operation, body);
                ear.deliver(operation, std::string(body));
                break;
            case 4:
                holdings.note_given_up(operation, body);
                break;
            case 5:
                open.push_back({open.size() + 1, operation, body});
                break;
            case 6:
                ear.join(what, static_cast<uint64_t>(operation));
                ear.deliver(Operation::kMemberEvent, encode(MemberEventMessage{kGroup, {}}));
                break;
            default:
                ear.leave();
                break;
        }
    }
    for (const auto& [operation, body] : holdings.messages(open, 1)) {
        require(is_restored(operation, body));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    listen(fuzz::Input(fuzz::as_text(data, size)));
    return 0;
}
