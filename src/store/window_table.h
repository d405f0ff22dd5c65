// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/arena_offers.h"
#include "store/epochs.h"
#include "store/outlet.h"
#include "store/range_allocator.h"

namespace memfabric::store {

/// The arena, the windows in it, and who of each host has an object's segment.
class WindowTable {
 public:
    WindowTable(Outlet& outlet, Epochs& epochs) : outlet_(outlet), epochs_(epochs) {}

    void agree_arena(RequestKey request, const ArenaOffer& offer);
    void acquire(RequestKey request, const WindowRequest& message);
    void publish(RequestKey request, const PublishMessage& message);
    void release(RequestKey request, const std::string& object);
    std::optional<Status> cancel(RequestKey request);
    /// Adds what waits here, and for whom.
    void report_waits(std::vector<WaitReport>& reports) const;
    /// The session came back before it was given up: its holder's address counts again.
    void session_resumed(uint64_t session);
    void end_session(uint64_t session);

    // What the session has had at an earlier start of the store. Where two contradict each other, the later
    // window wins and the other one's processes are given up; a failure gives up this one.
    Status restore_arena(uint64_t session, const RestoreArena& message);
    Status restore(uint64_t session, const RestoreWindow& message);

 private:
    /// The object's members on one host. Where nobody has published an address, somebody is at making the
    /// segment or at fetching it, and further ones wait.
    struct Host {
        std::map<uint64_t, std::string> members;  // session -> hand-over address, empty until published
        std::deque<RequestKey> waiting;
    };
    struct Window {
        uint64_t offset = 0;
        WindowRequest request;
        std::string token;
        uint64_t epoch = 0;
        std::map<std::string, Host> hosts;  // by host id
    };

    Status restore_base(const RestoreWindow& message);
    Status make_room(const RestoreWindow& message, uint64_t offset, uint64_t bytes);
    void give_up(const std::string& object, const Status& why);
    Result<Window> make_window(const WindowRequest& message);
    Status check(RequestKey request, const WindowRequest& message, const Window& window) const;
    void serve(Window& window, const std::string& host_id);
    void admit(Window& window, Host& host, RequestKey request, bool creator);
    void drop(uint64_t session, const std::string& object);
    void forget_if_unused(const std::string& object);

    static constexpr size_t kMaxWindows = 16384;

    Outlet& outlet_;
    Epochs& epochs_;
    uint64_t arena_size_ = 0;
    std::optional<uint64_t> fixed_base_;
    std::vector<uint64_t> preference_;  // the first offer's order
    ArenaOffers offers_;
    RangeAllocator allocator_;
    std::map<std::string, Window> windows_;  // by object
};

}  // namespace memfabric::store
