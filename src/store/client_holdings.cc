// SPDX-License-Identifier: Apache-2.0
#include "store/client_holdings.h"

#include <iterator>

namespace memfabric::store {
namespace {

/// Calls `action` with the decoded message. What does not decode the store would not have answered.
template <typename T>
void with(std::string_view bytes, const auto& action) {
    if (Result<T> message = decode<T>(bytes); message.is_ok()) {
        action(std::move(message).value());
    }
}

}  // namespace

void ClientHoldings::note(Operation operation, std::string_view request, std::string_view reply) {
    switch (operation) {
        case Operation::kSetOwned:
        case Operation::kSet:
        case Operation::kAdd:
        case Operation::kAppend:
        case Operation::kRemove:
            return note_key(operation, request, reply);
        case Operation::kCompareAndSwap:
            return note_swap(request, reply);
        case Operation::kRemovePrefix:
            return note_removed_prefix(request);
        case Operation::kWatch:
        case Operation::kUnwatch:
            return note_watch(operation, request);
        case Operation::kJoin:
        case Operation::kLeave:
            return note_membership(operation, request, reply);
        case Operation::kAssignRank:
        case Operation::kReleaseRank:
            return note_rank(operation, request, reply);
        case Operation::kAcquireWindow:
        case Operation::kPublishWindowHolder:
        case Operation::kReleaseWindow:
            return note_window(operation, request, reply);
        case Operation::kAgreeArena:
            return note_arena(request, reply);
        case Operation::kBarrier:
        case Operation::kAllGather:
            return rounds_.note_end(operation, request, reply);
        default:
            return;
    }
}

void ClientHoldings::note_given_up(Operation operation, std::string_view request) {
    if (operation == Operation::kBarrier || operation == Operation::kAllGather) {
        rounds_.note_given_up(operation, request);
    }
}

/// Keys that are not owned outlive their writers, and are nobody's to tell.
void ClientHoldings::note_key(Operation operation, std::string_view request, std::string_view reply) {
    Reader reader(request);
    std::string_view key;
    reader.get(key);
    const auto owned = keys_.find(key);
    if (operation == Operation::kSetOwned) {
        with<KeyValueMessage>(request, [&](KeyValueMessage message) {
            with<Value<uint64_t>>(reply, [&](Value<uint64_t> epoch) {
                keys_[message.key] = {std::move(message.value), epoch.value};
            });
        });
    } else if (owned == keys_.end()) {
        return;
    } else if (operation == Operation::kRemove) {
        keys_.erase(owned);
    } else if (operation == Operation::kAdd) {
        with<Value<int64_t>>(reply,
                             [&](Value<int64_t> sum) { owned->second.value = std::to_string(sum.value); });
    } else {
        with<KeyValueMessage>(request, [&](KeyValueMessage message) {
            std::string& value = owned->second.value;
            value = operation == Operation::kAppend ? value + message.value : std::move(message.value);
        });
    }
}

void ClientHoldings::note_swap(std::string_view request, std::string_view reply) {
    with<SwapMessage>(request, [&](SwapMessage message) {
        with<SwapResult>(reply, [&](const SwapResult& result) {
            if (const auto owned = keys_.find(message.key); result.swapped && owned != keys_.end()) {
                owned->second.value = std::move(message.desired);
            }
        });
    });
}

void ClientHoldings::note_removed_prefix(std::string_view request) {
    with<Value<std::string>>(request, [&](const Value<std::string>& prefix) {
        std::erase_if(keys_, [&](const auto& entry) { return entry.first.starts_with(prefix.value); });
    });
}

void ClientHoldings::note_watch(Operation operation, std::string_view request) {
    if (operation == Operation::kWatch) {
        with<WatchMessage>(
            request, [&](WatchMessage message) { watches_[message.watch].key = std::move(message.key); });
    } else {
        with<Value<uint64_t>>(request, [&](Value<uint64_t> watch) { watches_.erase(watch.value); });
    }
}

void ClientHoldings::note_membership(Operation operation, std::string_view request, std::string_view reply) {
    if (operation == Operation::kLeave) {
        with<KeyMessage>(request, [&](const KeyMessage& message) {
            groups_.erase(message.key);
            early_.erase(message.key);
            rounds_.forget_group(message.key);
        });
        return;
    }
    with<JoinRequest>(request, [&](const JoinRequest& message) {
        JoinReply joined;
        Reader reader(reply);
        reader.get(joined.epoch);
        reader.get(joined.told_since);
        const ListView<MemberView> members(reader);
        if (reader.finish().is_ok()) {
            Membership& group = groups_[message.group];
            group = {message, joined.epoch, joined.told_since, {}};
            members.for_each([&](const MemberView& member) {
                if (member.rank != message.rank) {
                    note_other(group.others, member);
                }
            });
            if (const auto early = early_.find(message.group); early != early_.end()) {
                for (const std::string& event : early->second) {
                    note_member_event(event);
                }
                early_.erase(early);
            }
        }
    });
}

void ClientHoldings::note_rank(Operation operation, std::string_view request, std::string_view reply) {
    if (operation == Operation::kReleaseRank) {
        with<KeyMessage>(request, [&](const KeyMessage& message) { ranks_.erase(message.key); });
        return;
    }
    with<RankRequest>(request, [&](const RankRequest& message) {
        with<RankReply>(reply, [&](RankReply rank) { ranks_[message.world] = {message, rank}; });
    });
}

void ClientHoldings::note_window(Operation operation, std::string_view request, std::string_view reply) {
    if (operation == Operation::kReleaseWindow) {
        with<KeyMessage>(request, [&](const KeyMessage& message) { windows_.erase(message.key); });
    } else if (operation == Operation::kPublishWindowHolder) {
        with<PublishMessage>(request, [&](PublishMessage message) {
            if (const auto window = windows_.find(message.object); window != windows_.end()) {
                window->second.address = std::move(message.address);
            }
        });
    } else {
        with<WindowRequest>(request, [&](const WindowRequest& message) {
            with<WindowReply>(reply, [&](WindowReply window) {
                windows_[message.object] = {message, std::move(window), {}};
            });
        });
    }
}

void ClientHoldings::note_arena(std::string_view request, std::string_view reply) {
    with<ArenaOffer>(request, [&](ArenaOffer offer) {
        with<ArenaReply>(reply, [&](ArenaReply agreed) { arena_ = {std::move(offer), agreed}; });
    });
}

void ClientHoldings::note_event(Operation operation, std::string_view body) {
    if (operation == Operation::kMemberEvent) {
        note_member_event(body);
        return;
    }
    with<WatchEventMessage>(body, [&](const WatchEventMessage& event) {
        if (const auto watch = watches_.find(event.watch); watch != watches_.end()) {
            watch->second.exists = event.exists;
        }
    });
}

void ClientHoldings::note_member_event(std::string_view body) {
    const Result<MemberEventView> event = view_member_event(body);
    if (!event.is_ok()) {
        return;
    }
    const auto group = groups_.find(event->group);
    if (group == groups_.end()) {
        early_[event->group].emplace_back(body);
        return;
    }
    event->changes.for_each(
        [&](const MemberChangeView& change) { note_member_change(group->second, change); });
}

void ClientHoldings::note_other(Others& others, const MemberView& member) {
    // Neighbours mostly live on one host.
    const auto place = others.lower_bound(member.rank);
    std::shared_ptr<const std::string> host;
    for (const auto& near : {place, place == others.begin() ? place : std::prev(place)}) {
        if (!host && near != others.end() && *near->second.host_id == member.host_id) {
            host = near->second.host_id;
        }
    }
    if (!host) {
        host = std::make_shared<const std::string>(member.host_id);
    }
    others.insert_or_assign(place, member.rank,
                            Other{member.epoch, std::move(host), member.ticket, member.process});
}

void ClientHoldings::note_member_change(Membership& group, const MemberChangeView& change) {
    const MemberView& member = change.member;
    if (member.rank == group.request.rank) {
        return;
    }
    if (change.kind == static_cast<uint8_t>(MemberEventKind::kJoined)) {
        if (member.epoch >= group.told_since) {
            note_other(group.others, member);
        }
    } else if (const auto known = group.others.find(member.rank);
               known != group.others.end() && known->second.epoch == member.epoch) {
        group.others.erase(known);
    }
}

RestoreWindow ClientHoldings::message_of(const HeldWindow& window) const {
    RestoreWindow message{window.request, 0, 0, window.reply.base, window.reply.epoch, window.reply.token,
                          window.address};
    if (arena_) {
        message.arena_base = arena_->agreed.base;
        message.arena_size = arena_->agreed.size;
    }
    return message;
}

std::vector<std::pair<Operation, std::string>> ClientHoldings::messages(const std::vector<OpenRound>& open,
                                                                        uint64_t since) const {
    std::vector<std::pair<Operation, std::string>> messages;
    if (arena_) {
        messages.emplace_back(Operation::kRestoreArena, encode(*arena_));
    }
    for (const auto& [object, window] : windows_) {
        messages.emplace_back(Operation::kRestoreWindow, encode(message_of(window)));
    }
    for (const auto& [world, rank] : ranks_) {
        messages.emplace_back(Operation::kRestoreRank,
                              encode(RestoreRank{rank.request, rank.reply.rank, rank.reply.epoch}));
    }
    for (const auto& [name, group] : groups_) {
        RestoreMember message{group.request, group.epoch, {}};
        for (const auto& [rank, other] : group.others) {
            message.known.push_back({rank, other.epoch, *other.host_id, other.ticket, other.process});
        }
        messages.emplace_back(Operation::kRestoreMember, encode(message));
    }
    for (const auto& [key, owned] : keys_) {
        messages.emplace_back(Operation::kRestoreKey, encode(RestoreKey{key, owned.value, owned.epoch}));
    }
    for (const auto& [watch, watched] : watches_) {
        messages.emplace_back(Operation::kRestoreWatch,
                              encode(RestoreWatch{watch, watched.key, watched.exists}));
    }
    const auto since_joined = [&](const std::string& name) {
        const auto group = groups_.find(name);
        return group == groups_.end() ? since : group->second.epoch;
    };
    for (const RestoreRound& round : rounds_.messages(open, since_joined)) {
        messages.emplace_back(Operation::kRestoreRound, encode(round));
    }
    return messages;
}

}  // namespace memfabric::store
