// SPDX-License-Identifier: Apache-2.0
// The session's own thread.
#include <poll.h>

#include <algorithm>

#include "store/client_session.h"

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kOwnThreadDelay(5);  // nobody has led for so long: the own thread does
constexpr milliseconds kAttemptLimit(5000);
constexpr uint64_t kManyTurns = 64;

}  // namespace

void ClientSession::post_event(Operation operation, std::string body) {
    const Lock lock(mutex_);
    events_.push_back(Event{operation, std::move(body)});
    wake_own_thread();
    if (leader_ == this) {
        wake_own_.signal();
    }
}

void ClientSession::run(const std::stop_token& stop) {
    const std::stop_callback kick(stop, [this] { wake_own_.signal(); });
    Lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (!events_.empty()) {
            run_events(lock);
        } else if (given_up_) {
            own_wake_.wait(lock, stop, [this] { return !events_.empty(); });
        } else if (!is_connected()) {
            reconnect(lock, stop);
        } else {
            watch_over(lock, stop);
        }
    }
}

void ClientSession::run_events(Lock& lock) {
    while (!events_.empty()) {
        // It stays until it has been heard: where there is no memory for that, this thread begins again.
        const Event& event = events_.front();
        lock.unlock();
        sink_(event.operation, event.body);
        lock.lock();
        events_.pop_front();
    }
}

void ClientSession::watch_over(Lock& lock, const std::stop_token& stop) {
    const uint64_t turns = turns_;
    const auto changed = [this] { return !events_.empty() || !is_connected() || given_up_; };
    if (leader_ == nullptr && turns == quiet_turns_) {
        lead(lock, this, Deadline::never());
        leader_ = leader_ == this ? nullptr : leader_;
        return;
    }
    const bool had_leader = leader_ != nullptr;
    if (own_wake_.wait_for(lock, stop, kOwnThreadDelay, changed) || stop.stop_requested() ||
        turns_ != turns) {
        return;
    }
    if (leader_ == nullptr) {
        quiet_turns_ = turns;
    } else if (had_leader) {
        sleep_until_called(lock, stop);
    }
}

/// Somebody is in for a long wait: no need to look every few milliseconds whether he still is.
void ClientSession::sleep_until_called(Lock& lock, const std::stop_token& stop) {
    wake_own_.drain();
    if (stop.stop_requested() || !events_.empty() || !is_connected() || leader_ == nullptr) {
        return;
    }
    call_me_ = true;
    turns_at_sleep_ = turns_;
    pollfd polled[2] = {{wake_own_.descriptor(), POLLIN, 0}, {quiet_timer_.descriptor(), POLLIN, 0}};
    lock.unlock();
    ::poll(polled, 2, -1);
    lock.lock();
    call_me_ = false;
    quiet_timer_.clear();
    if (polled[1].revents != 0 && leader_ == nullptr) {
        quiet_turns_ = turns_;
    }
}

void ClientSession::wake_own_thread() {
    own_wake_.notify_all();
    if (call_me_) {
        wake_own_.signal();
    }
}

/// Nobody leads. Whoever calls again and again, and waits long each time, as in barriers, shall not wake this
/// thread each time: it has to come only if no other call begins soon. The many calls of one who waits no
/// longer would cost him the setting of the timer each.
void ClientSession::call_own_thread() {
    if (!call_me_) {
        return;
    }
    if (turns_ - turns_at_sleep_ < kManyTurns) {
        quiet_timer_.set(kOwnThreadDelay);
    } else {
        wake_own_.signal();
    }
}

/// There was a store. What answers in its place may be somebody on the wire, or a store that is set up
/// wrongly and will be again as it was: only the store's own word ends the session.
void ClientSession::reconnect(Lock& lock, const std::stop_token& stop) {
    milliseconds longest = kLongestPause;
    for (milliseconds pause = kFirstPause; !stop.stop_requested(); pause = std::min(2 * pause, longest)) {
        const Hello hello{incarnation_, welcome_.store_instance, welcome_.run, welcome_.session};
        const Header seen = progress();
        wake_own_.drain();
        if (stop.stop_requested()) {
            return;
        }
        lock.unlock();
        LinkFailure why;
        auto established =
            establish(target_, hello, seen, Deadline::after(kAttemptLimit), wake_own_.descriptor(), why);
        lock.lock();
        if (established) {
            resume(std::move(*established));
            return;
        }
        if (why.kind == LinkFailure::Kind::kRefused && !stop.stop_requested()) {
            give_up(std::move(why.status));
            return;
        }
        longest = why.kind == LinkFailure::Kind::kForeign ? kLongestForeignPause : kLongestPause;
        why_disconnected_ = std::move(why.status);
        own_wake_.wait_for(lock, stop, pause, [] { return false; });
    }
}

}  // namespace memfabric::store
