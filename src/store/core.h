// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "base/options.h"
#include "store/epochs.h"
#include "store/group_table.h"
#include "store/identity.h"
#include "store/key_value_table.h"
#include "store/membership_table.h"
#include "store/metrics_page.h"
#include "store/rank_table.h"
#include "store/sessions.h"
#include "store/settling.h"
#include "store/vouching.h"
#include "store/watch_table.h"
#include "store/window_table.h"

namespace memfabric::store {

/// What a config store knows and does, without the sockets. One thread.
class Core {
 public:
    explicit Core(const Options& options, Identity identity = new_identity(),
                  std::shared_ptr<KeyJournal> journal = nullptr);

    /// Answers a client's first message. Afterwards the link belongs to the session that it returns.
    Result<uint64_t> welcome(const Header& header, std::string_view body, Link& link);
    /// Does what a message of a session asks. A failure means that the client does not keep to the protocol.
    Status receive(uint64_t session, const Header& header, std::string_view body);
    void disconnect(uint64_t session, const Link& link) { sessions_.disconnect(session, link); }
    /// But for the connections.
    Statistics statistics() const;
    /// When expire() is to be called.
    std::optional<Sessions::Clock::time_point> next_expiry() const;
    /// Gives up the sessions that did not come back in time, ends the settling of a store that was started
    /// again, and tells members of each other where that was put off.
    void expire(Sessions::Clock::time_point now);

    /// Whether requests wait, and how often tend_waits() is to be called while they do: it asks the processes
    /// that are waited for for a sign of life, and tells the waiting ones whom they wait for.
    bool has_waits() const { return sessions_.has_running(); }
    std::chrono::milliseconds wait_period() const { return sessions_.look_period(); }
    void tend_waits(Sessions::Clock::time_point now);

 private:
    Status take_over(const Hello& hello);
    void begin_settling();
    void settle();
    bool is_settled(Sessions::Clock::time_point now);
    std::vector<Settling::Held> take_up(std::vector<Settling::Held> held);
    void dispatch_held(const Settling::Held& waiting);
    void tell_restored_watches();
    Status restore(uint64_t session, Operation operation, std::string_view body);
    Status restore_one(uint64_t session, Operation operation, Reader& reader);
    template <typename T, typename Action>
    Status restored(Reader& reader, Action action);
    Status dispatch(RequestKey request, Operation operation, Reader& reader);
    Status dispatch_keys(RequestKey request, Operation operation, Reader& reader);
    Status dispatch_groups(RequestKey request, Operation operation, Reader& reader);
    void cancel(RequestKey request);
    void end_session(uint64_t session, Departure departure);
    void tend(const WaitReport& report, Sessions::Clock::time_point now);
    template <typename T, typename Action>
    Status with(RequestKey request, Reader& reader, Action action);

    Identity identity_;
    const uint64_t run_;
    bool is_claimed_ = false;  // has clients of its own, or those of a predecessor: nobody else's may follow
    uint64_t max_message_;
    uint64_t max_kept_;      // bytes for one client
    uint64_t messages_ = 0;  // received so far
    RequestTally requests_;
    Epochs epochs_;
    Settling settling_;
    // Sessions of clients of an earlier start that may say what they hold, and how many bytes they have said.
    std::map<uint64_t, uint64_t> restoring_;
    Sessions sessions_;
    WatchTable watches_;
    KeyValueTable values_;
    GroupTable groups_;
    MembershipTable memberships_;
    RankTable ranks_;
    WindowTable windows_;
    Vouching vouching_;
    std::chrono::milliseconds evict_after_;
};

}  // namespace memfabric::store
