// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/options.h"
#include "store/metrics_page.h"
#include "store/outlet.h"

namespace memfabric::store {

/// One connection, as the sessions see it. May call Sessions::disconnect from within refuse(), and nothing
/// else.
class Link {
 public:
    virtual ~Link() = default;
    virtual void send(const Header& header, SharedBody body) = 0;
    /// Says why and closes.
    virtual void refuse(const Status& why) = 0;
    /// From which the client came, without its port.
    virtual std::string address() const = 0;
    /// Whether the client's host gave a sign within that time, or has no reason to.
    virtual bool host_answers(std::chrono::milliseconds within) const = 0;
};

/// The clients' sessions: each outlives its connection for a moment, keeps the replies and events that its
/// client may not have got, and so lets requests be sent again without being done again.
class Sessions : public Outlet {
 public:
    using Clock = std::chrono::steady_clock;

    /// `max_kept`: bytes that are kept for one client.
    Sessions(const Options& options, uint64_t max_kept)
        : lost_after_(options.integer(OptionId::kLostAfter)),
          suspect_after_(options.integer(OptionId::kSuspectAfter)),
          wait_notice_(options.integer(OptionId::kWaitNotice)),
          max_kept_(max_kept) {}

    struct Opened {
        uint64_t session = 0;
        bool resumed = false;
    };
    /// Gives `link` to a new session or to the one of this run that `hello` resumes; the link that this one
    /// had is refused.
    Result<Opened> open(const Hello& hello, Link& link);
    /// Sends again what the client has not seen; after the welcome.
    void replay(uint64_t session, const Header& seen);
    /// The link is gone. Where the session has no other by the moment that next_expiry() tells, it is lost.
    void disconnect(uint64_t session, const Link& link);
    /// Takes note of what the client has got; returns whether the request is new and so is to be done. Where
    /// too much is kept for the client already, the request is answered with a failure.
    bool begin(uint64_t session, const Header& header);
    void acknowledge(uint64_t session, const Header& header);
    bool is_running(RequestKey request) const;
    /// Whether a request has no reply yet; and since when, nothing where it has one.
    bool has_running() const { return running_ != 0; }
    std::optional<Clock::time_point> running_since(RequestKey request) const;
    /// How often waits are to be looked at while there are any.
    std::chrono::milliseconds look_period() const { return std::min(suspect_after_ / 3, wait_notice_); }
    /// The session's process is waited for: it is asked for a sign of life unless it has been asked and said
    /// nothing since.
    void ask_for_sign(uint64_t session, Clock::time_point now);
    void heard_from(uint64_t session);
    /// Has said nothing for longer than the limit, though it was asked to.
    bool is_suspect(uint64_t session, Clock::time_point now) const;
    /// Tells the client of a request that waits, where it is time again to do so.
    void tell_wait(RequestKey request, Clock::time_point now, const WaitNoticeMessage& notice);
    /// Is called with the session that is about to get a reply: what it should hear before.
    void set_before_reply(std::function<void(uint64_t)> tell) { before_reply_ = std::move(tell); }
    void erase(uint64_t session);
    bool contains(uint64_t session) const { return sessions_.contains(session); }

    /// How many clients there are and were, and what they were answered.
    void report(Statistics& now) const;

    std::optional<Clock::time_point> next_expiry() const;
    /// A session that is to be given up by `now`.
    std::optional<uint64_t> take_expired(Clock::time_point now);

    void reply(RequestKey request, SharedBody body) override;
    void notify(uint64_t session, Operation operation, SharedBody body) override;
    std::string describe(uint64_t session) const override;
    const std::string& host_of(uint64_t session) const override;
    ProcessId process_of(uint64_t session) const override;
    bool is_connected(uint64_t session) const override;
    /// Whether the process has a session.
    bool is_here(const std::string& host_id, const ProcessId& process) const;
    /// Asks up to `most` processes of the host whether that one is stopped; returns how many were asked.
    size_t ask_about(const std::string& host_id, const ProcessId& process, size_t most) const;
    void evict(uint64_t session, const Status& why) override;
    /// Whether it is about to be evicted: what its client asks meanwhile is not done.
    bool is_ending(uint64_t session) const;
    void notify_all(Operation operation, const std::string& body);

 private:
    struct Event {
        uint64_t number = 0;
        Operation operation = Operation::kWatchEvent;
        SharedBody body;
    };
    struct Running {
        uint64_t bytes = 0;
        bool keep_reply = false;
        Clock::time_point since;
        Clock::time_point next_notice;
    };
    struct Answered {
        SharedBody body;
        uint64_t turn = 0;
    };
    /// Replies that the client may not have got, until it says that it has. It says so by the lowest number
    /// that it waits for, which may be an old one: of many, those that were given first have surely arrived.
    struct Replies {
        std::map<uint64_t, Answered> kept;     // by request
        std::map<uint64_t, uint64_t> by_turn;  // request, in the order of the answers
        std::set<uint64_t> forgotten;          // requests that were done and whose replies were too large
        uint64_t bytes = 0;                    // of `kept`
        uint64_t last_turn = 0;
    };
    struct Session {
        Incarnation incarnation;
        Link* link = nullptr;
        std::string address;  // of its last link
        std::map<uint64_t, Running> running;
        uint64_t running_bytes = 0;
        Replies replies;
        std::deque<Event> events;  // until the client says that it has them
        uint64_t events_bytes = 0;
        uint64_t last_event = 0;
        std::optional<Clock::time_point> expires;
        std::optional<Clock::time_point> asked;  // for a sign of life that has not come
        bool was_suspect = false;
        Status eviction;  // why it is to end, where that is not its connection
    };

    void add_reply(Replies& replies, uint64_t request, SharedBody body) const;
    static void forget_replies(Replies& replies, uint64_t below);
    /// Whether the request was done before; it is answered again then.
    static bool answer_again(const Session& session, uint64_t request);
    void set_expiry(uint64_t id, Session& session, Clock::time_point when);
    std::string sign_text(const Session& session) const;

    std::chrono::milliseconds lost_after_;
    std::chrono::milliseconds suspect_after_;
    std::chrono::milliseconds wait_notice_;
    uint64_t max_kept_;
    size_t running_ = 0;  // requests, of all sessions
    // So far.
    uint64_t lost_ = 0;
    uint64_t evicted_ = 0;
    std::map<int32_t, uint64_t> failures_;  // answers, by code
    std::function<void(uint64_t)> before_reply_ = [](uint64_t) {};
    std::unordered_map<uint64_t, Session> sessions_;
    std::set<std::pair<Clock::time_point, uint64_t>> expiries_;
};

}  // namespace memfabric::store
