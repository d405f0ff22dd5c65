// SPDX-License-Identifier: Apache-2.0
// A store that was started again: what its clients say that they hold.
#include <algorithm>

#include "base/log.h"
#include "store/check_names.h"
#include "store/core.h"

namespace memfabric::store {

template <typename T, typename Action>
Status Core::restored(Reader& reader, Action action) {
    T message;
    reader.get(message);
    MF_RETURN_IF_ERROR(reader.finish());
    MF_RETURN_IF_ERROR(check_names(message));
    return action(std::move(message));
}

Status Core::restore(uint64_t session, Operation operation, std::string_view body) {
    constexpr uint64_t kOverhead = 1024;  // of what is kept beside the body
    uint64_t& said = restoring_.at(session);
    said += body.size() + kOverhead;
    Reader reader(body);
    Status status = said <= max_kept_
                        ? restore_one(session, operation, reader)
                        : failure(Code::kEvicted,
                                  "the store was restarted, and this process says that it holds more than "
                                  "the {} bytes that the store may keep for it "
                                  "(MF_STORE_MAX_CLIENT_MEMORY): join anew",
                                  max_kept_);
    if (status.code() == Code::kStoreInvalidMessage || status.code() == Code::kStoreInvalidKey) {
        return status;
    }
    if (!status.is_ok()) {
        log_info("config store: {} is given up: {}", sessions_.describe(session), status.message());
        sessions_.evict(session, status);
    }
    return {};
}

Status Core::restore_one(uint64_t session, Operation operation, Reader& reader) {
    switch (operation) {
        case Operation::kRestoreArena:
            return restored<RestoreArena>(reader,
                                          [&](auto&& m) { return windows_.restore_arena(session, m); });
        case Operation::kRestoreWindow:
            return restored<RestoreWindow>(reader, [&](auto&& m) { return windows_.restore(session, m); });
        case Operation::kRestoreRank:
            return restored<RestoreRank>(reader, [&](auto&& m) { return ranks_.restore(session, m); });
        case Operation::kRestoreMember:
            return restored<RestoreMember>(reader, [&](auto&& m) {
                Status status = memberships_.restore(session, m);
                if (status.is_ok()) {
                    groups_.note_participant(m.request.group, m.request.rank, session);
                }
                return status;
            });
        case Operation::kRestoreKey:
            return restored<RestoreKey>(reader,
                                        [&](auto m) { return values_.restore(session, std::move(m)); });
        case Operation::kRestoreWatch:
            return restored<RestoreWatch>(reader, [&](auto&& m) {
                Status status = watches_.restore(session, m);
                if (status.is_ok() && !settling_.is_on()) {
                    tell_restored_watches();
                }
                return status;
            });
        case Operation::kRestoreRound:
            return restored<RestoreRound>(reader,
                                          [&](auto m) { return groups_.restore(session, std::move(m)); });
        default:
            return failure(Code::kStoreInvalidMessage, "operation {} is unknown",
                           static_cast<int>(operation));
    }
}

void Core::tell_restored_watches() {
    watches_.tell_restored([this](const std::string& key) { return values_.value_of(key); });
}

/// What was asked of the store before it died may have been done and told to others, and only the answer has
/// not come: a member that leaves is gone, and one that joins has joined. Returns what is left to be done.
std::vector<Settling::Held> Core::take_up(std::vector<Settling::Held> held) {
    std::erase_if(held, [this](const Settling::Held& waiting) {
        const bool leaves = waiting.operation == Operation::kLeave;
        if (leaves) {
            dispatch_held(waiting);
        }
        return leaves;
    });
    std::stable_partition(held.begin(), held.end(), [this](const Settling::Held& waiting) {
        const Result<JoinRequest> join = waiting.operation == Operation::kJoin
                                             ? decode<JoinRequest>(waiting.body)
                                             : failure(Code::kError, "another request");
        return join.is_ok() && memberships_.adopt(waiting.request.session, *join);
    });
    return held;
}

void Core::dispatch_held(const Settling::Held& waiting) {
    if (!sessions_.is_running(waiting.request)) {
        return;
    }
    Reader reader(waiting.body);
    const Status status = dispatch(waiting.request, waiting.operation, reader);
    if (!status.is_ok()) {
        sessions_.fail(waiting.request, status);
    }
}

/// Who is missed and stopped is waited for as long as a host that gives no sign.
bool Core::is_settled(Sessions::Clock::time_point now) {
    constexpr std::chrono::milliseconds kVouchPeriod(100);
    return !vouching_.is_worth_waiting(memberships_, now) ||
           !settling_.go_on(now, kVouchPeriod, evict_after_);
}

void Core::settle() {
    vouching_.end();
    const std::vector<Settling::Held> held = take_up(settling_.end());
    epochs_.settle();
    memberships_.settle([this](const std::string& group, uint32_t rank) { groups_.note_lost(group, rank); });
    tell_restored_watches();
    log_info("config store: the clients of its predecessor have had their time; {} requests waited",
             held.size());
    for (const Settling::Held& waiting : held) {
        dispatch_held(waiting);
    }
}

}  // namespace memfabric::store
