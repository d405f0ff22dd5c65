// SPDX-License-Identifier: Apache-2.0
// What clients of an earlier start of the store have of the arena and its windows.
#include "store/window_bytes.h"
#include "store/window_table.h"

namespace memfabric::store {
namespace {

constexpr size_t kMaxToken = 64;

Status contradicts(const std::string& what) {
    return failure(Code::kEvicted, "the store was restarted, and {} is another one since: join anew", what);
}

}  // namespace

Status WindowTable::restore_arena(uint64_t session, const RestoreArena& message) {
    if (offers_.empty() && allocator_.is_empty()) {
        arena_size_ = message.offer.size;
        preference_ = message.offer.usable_bases;
        fixed_base_.reset();
    }
    if (message.offer.size == 0 || message.offer.size % kWindowAlignment != 0 ||
        message.offer.size != arena_size_) {
        return contradicts("the arena");
    }
    ArenaOffers::Bases bases(message.offer.usable_bases.begin(), message.offer.usable_bases.end());
    // What was agreed on may be taken by now in those who agreed; it is what they count on.
    bases.insert(message.agreed.base);
    offers_.put(session, std::move(bases));
    return {};
}

Status WindowTable::restore_base(const RestoreWindow& message) {
    if (message.arena_size != arena_size_ || message.base < message.arena_base ||
        (fixed_base_ && *fixed_base_ != message.arena_base)) {
        return contradicts("the arena");
    }
    fixed_base_ = message.arena_base;
    return {};
}

void WindowTable::give_up(const std::string& object, const Status& why) {
    const auto window = windows_.find(object);
    for (const auto& [host_id, host] : window->second.hosts) {
        for (const auto& [session, address] : host.members) {
            outlet_.evict(session, why);
        }
        for (const RequestKey& waiting : host.waiting) {
            outlet_.fail(waiting, why);
        }
    }
    allocator_.free(window->second.offset);
    windows_.erase(window);
}

/// Gives up windows that are older and in the way; a failure where one of them is newer.
Status WindowTable::make_room(const RestoreWindow& message, uint64_t offset, uint64_t bytes) {
    const std::string& object = message.request.object;
    std::vector<std::string> in_the_way;
    for (const auto& [name, window] : windows_) {
        const uint64_t size = window_bytes(window.request).value_or(0);
        if (name == object || (window.offset < offset + bytes && offset < window.offset + size)) {
            if (!epochs_.wins(message.epoch, window.epoch)) {
                return contradicts(fmt::format("window '{}'", object));
            }
            in_the_way.push_back(name);
        }
    }
    for (const std::string& name : in_the_way) {
        give_up(name, contradicts(fmt::format("window '{}'", name)));
    }
    return {};
}

Status WindowTable::restore(uint64_t session, const RestoreWindow& message) {
    const std::string& object = message.request.object;
    MF_RETURN_IF_ERROR(epochs_.take_note(message.epoch));
    MF_RETURN_IF_ERROR(restore_base(message));
    const uint64_t offset = message.base - *fixed_base_;
    const std::optional<uint64_t> bytes = window_bytes(message.request);
    if (!bytes || offset > arena_size_ || arena_size_ - offset < *bytes || message.token.empty() ||
        message.token.size() > kMaxToken || windows_.size() >= kMaxWindows) {
        return failure(Code::kStoreInvalidMessage, "restoring window '{}': it makes no sense", object);
    }
    auto found = windows_.find(object);
    if (found == windows_.end() || found->second.token != message.token || found->second.offset != offset) {
        MF_RETURN_IF_ERROR(make_room(message, offset, *bytes));
        allocator_.take(offset, *bytes);
        found =
            windows_.emplace(object, Window{offset, message.request, message.token, message.epoch, {}}).first;
    }
    const WindowRequest& fixed = found->second.request;
    if (fixed.stride != message.request.stride || fixed.slots != message.request.slots ||
        fixed.shape != message.request.shape) {
        return contradicts(fmt::format("the shape of window '{}'", object));
    }
    const std::string& host_id = outlet_.host_of(session);
    found->second.hosts[host_id].members[session] = message.address;
    serve(found->second, host_id);
    return {};
}

}  // namespace memfabric::store
