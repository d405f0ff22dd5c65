// SPDX-License-Identifier: Apache-2.0
#include "store/client_handlers.h"

#include <cstddef>
#include <new>
#include <utility>

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::store {

uint64_t ClientHandlers::add_watch(Client::WatchHandler handler) {
    const Lock lock(mutex_);
    watches_.emplace(++last_watch_, std::make_shared<Client::WatchHandler>(std::move(handler)));
    return last_watch_;
}

void ClientHandlers::remove_watch(uint64_t watch) {
    Lock lock(mutex_);
    const auto found = watches_.find(watch);
    if (found != watches_.end()) {
        const auto handler = found->second;
        watches_.erase(found);
        wait_until_idle(lock, handler.get());
    }
}

bool ClientHandlers::add_group(const std::string& group, MemberEventHandler handler) {
    const Lock lock(mutex_);
    if (groups_.contains(group)) {
        return false;
    }
    groups_.emplace(group, std::make_shared<Group>(Group{std::move(handler), {}}));
    return true;
}

void ClientHandlers::release_group(const std::string& group, uint64_t epoch, uint64_t told_since) {
    const Lock lock(mutex_);
    if (const auto found = groups_.find(group); found != groups_.end()) {
        found->second->held = false;
        found->second->epoch = epoch;
        found->second->told_since = told_since;
    }
}

void ClientHandlers::remove_group(const std::string& name) {
    Lock lock(mutex_);
    const auto found = groups_.find(name);
    if (found != groups_.end()) {
        const auto group = found->second;
        groups_.erase(found);
        group->waiting.clear();
        wait_until_idle(lock, group.get());
    }
}

void ClientHandlers::wait_until_idle(Lock& lock, const void* handler) {
    if (runner_ != std::this_thread::get_id()) {
        idle_.wait(lock, [&] { return running_ != handler; });
    }
}

void ClientHandlers::deliver(Operation operation, const std::string& body) {
    if (operation == Operation::kWatchEvent) {
        if (const Result<WatchEventMessage> message = decode<WatchEventMessage>(body); message.is_ok()) {
            deliver_watch(*message);
            return;
        }
    } else if (operation == Operation::kWaitNotice) {
        if (const Result<WaitNoticeMessage> notice = decode<WaitNoticeMessage>(body); notice.is_ok()) {
            log(notice->warns ? LogLevel::kWarn : LogLevel::kInfo, "{}", notice->text);
            return;
        }
    } else if (const Result<MemberEventView> event = view_member_event(body); event.is_ok()) {
        deliver_member(*event);
        return;
    }
    log_warn("config store: an event of {} bytes makes no sense and is dropped", body.size());
}

/// Runs a handler without the lock; remove_watch and remove_group wait for its end, however it ends.
void ClientHandlers::run(Lock& lock, const void* running, const std::function<void()>& handler) {
    running_ = running;
    lock.unlock();
    const bool done = did_with_memory(handler);
    lock.lock();
    running_ = nullptr;
    idle_.notify_all();
    if (!done) {
        throw std::bad_alloc();
    }
}

void ClientHandlers::deliver_watch(const WatchEventMessage& message) {
    Lock lock(mutex_);
    runner_ = std::this_thread::get_id();
    const auto found = watches_.find(message.watch);
    if (found == watches_.end()) {
        return;
    }
    const auto handler = found->second;
    run(lock, handler.get(),
        [&] { (*handler)(message.key, message.exists ? std::optional(message.value) : std::nullopt); });
}

void ClientHandlers::deliver_member(const MemberEventView& event) {
    Lock lock(mutex_);
    runner_ = std::this_thread::get_id();
    const auto found = groups_.find(event.group);
    if (found == groups_.end()) {
        return;
    }
    const auto group = found->second;
    add_waiting(*group, event.changes);
    drain(lock, group);
}

/// All of them or, where there is no memory for that, none.
void ClientHandlers::add_waiting(Group& group, const ListView<MemberChangeView>& changes) {
    // What a handler had no memory for is delivered again, and waits here already, from there to its end.
    const bool waits = !changes.is_empty() && !group.waiting.empty() &&
                       group.waiting.back().kind == static_cast<MemberEventKind>(changes.last().kind) &&
                       group.waiting.back().member.rank == changes.last().member.rank &&
                       group.waiting.back().member.epoch == changes.last().member.epoch;
    if (waits) {
        return;
    }
    const auto former = static_cast<std::ptrdiff_t>(group.waiting.size());
    const bool done = did_with_memory([&] {
        changes.for_each([&](const MemberChangeView& change) {
            const MemberView& member = change.member;
            group.waiting.push_back({static_cast<MemberEventKind>(change.kind),
                                     Member{member.rank, member.epoch, std::string(member.host_id),
                                            std::string(member.payload), member.ticket, member.process}});
        });
    });
    if (!done) {
        group.waiting.erase(group.waiting.begin() + former, group.waiting.end());
        throw std::bad_alloc();
    }
}

bool ClientHandlers::is_news(const Group& group, const MemberEvent& event) {
    return event.kind != MemberEventKind::kJoined ||
           (event.member.epoch >= group.told_since && event.member.epoch != group.epoch);
}

void ClientHandlers::drain(Lock& lock, const std::shared_ptr<Group>& group) {
    while (!group->held && !group->waiting.empty()) {
        // No copy, which would take memory for each: what the handler had none for goes back to its place.
        MemberEvent event = std::move(group->waiting.front());
        const bool done = !is_news(*group, event) ||
                          did_with_memory([&] { run(lock, group.get(), [&] { group->handler(event); }); });
        if (group->waiting.empty()) {
            return;  // the group was left meanwhile
        }
        if (!done) {
            group->waiting.front() = std::move(event);
            throw std::bad_alloc();
        }
        group->waiting.pop_front();
    }
}

}  // namespace memfabric::store
