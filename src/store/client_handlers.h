// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/client.h"
#include "store/messages.h"

namespace memfabric::store {

/// The handlers of one client's watches and groups. Handlers run on one thread; once remove_* returned, the
/// handler does not run and will not again (unless it removes itself).
class ClientHandlers {
 public:
    uint64_t add_watch(Client::WatchHandler handler);
    void remove_watch(uint64_t watch);

    /// False where the group has a handler. Events wait until release_group.
    bool add_group(const std::string& group, MemberEventHandler handler);
    /// The caller has become a member with `epoch` and knows who was one then, so that changes make sense to
    /// it. Its own join is not told, nor are those before `told_since`: they are of a membership that it had
    /// earlier. An event for `deliver` must follow.
    void release_group(const std::string& group, uint64_t epoch, uint64_t told_since);
    void remove_group(const std::string& group);

    /// Runs the handler that the event is for. An empty member event runs what waited for release_group. What
    /// the store says of waits goes to the log. Where there is no memory for it, std::bad_alloc comes out,
    /// and the same event is to be delivered again before any other.
    void deliver(Operation operation, const std::string& body);

 private:
    struct Group {
        MemberEventHandler handler;
        std::deque<MemberEvent> waiting;
        bool held = true;
        uint64_t epoch = 0;  // of the own membership
        uint64_t told_since = 0;
    };
    using Lock = std::unique_lock<std::mutex>;

    void deliver_watch(const WatchEventMessage& message);
    void deliver_member(const MemberEventView& event);
    static void add_waiting(Group& group, const ListView<MemberChangeView>& changes);
    static bool is_news(const Group& group, const MemberEvent& event);
    void drain(Lock& lock, const std::shared_ptr<Group>& group);
    void run(Lock& lock, const void* running, const std::function<void()>& handler);
    void wait_until_idle(Lock& lock, const void* handler);

    std::mutex mutex_;
    std::condition_variable idle_;
    uint64_t last_watch_ = 0;
    std::map<uint64_t, std::shared_ptr<Client::WatchHandler>> watches_;
    std::map<std::string, std::shared_ptr<Group>> groups_;
    const void* running_ = nullptr;  // a watch's handler, or a Group
    std::thread::id runner_;
};

}  // namespace memfabric::store
