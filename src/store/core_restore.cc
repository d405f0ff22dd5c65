// SPDX-License-Identifier: Apache-2.0
// A store that was started again: what its clients say that they hold.
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
    Reader reader(body);
    const Status status = restore_one(session, operation, reader);
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
        default:
            return failure(Code::kStoreInvalidMessage, "operation {} is unknown",
                           static_cast<int>(operation));
    }
}

void Core::tell_restored_watches() {
    watches_.tell_restored([this](const std::string& key) { return values_.value_of(key); });
}

void Core::settle() {
    const std::vector<Settling::Held> held = settling_.end();
    memberships_.settle([this](const std::string& group, uint32_t rank) { groups_.note_lost(group, rank); });
    tell_restored_watches();
    log_info("config store: the clients of its predecessor have had their time; {} requests waited",
             held.size());
    for (const Settling::Held& waiting : held) {
        if (!sessions_.is_running(waiting.request)) {
            continue;
        }
        Reader reader(waiting.body);
        const Status status = dispatch(waiting.request, waiting.operation, reader);
        if (!status.is_ok()) {
            sessions_.fail(waiting.request, status);
        }
    }
}

}  // namespace memfabric::store
