// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "store/client_holdings.h"
#include "store/client_link.h"
#include "store/outlet.h"
#include "store/request_counters.h"
#include "store/wake_event.h"
#include "store/wake_timer.h"

namespace memfabric::store {

/// What a request is about; begins the text of its failure.
struct RequestName {
    const char* verb;
    std::string_view object;

    std::string text() const { return fmt::format("{} '{}'", verb, object); }
};

/// One client's session with a store: requests from many threads over one connection.
///
/// Whoever waits for a reply drives the connection himself (one at a time: the leader; the others sleep until
/// they are woken), so that a round trip needs no change of thread. A thread of the session's own leads when
/// nobody has been waiting for a moment, reconnects, and runs the handlers of events.
class ClientSession {
 public:
    /// An event that has arrived; runs on the session's own thread, in the store's order.
    using EventSink = std::function<void(Operation operation, const std::string& body)>;

    static Result<std::unique_ptr<ClientSession>> open(Target target, Incarnation incarnation, EventSink sink,
                                                       Deadline deadline);
    /// Without a connection yet: open() is the way to a session.
    ClientSession(Target target, Incarnation incarnation, EventSink sink, WakeEvent wake_own,
                  WakeEvent wake_leader, WakeTimer quiet_timer);
    ~ClientSession();
    ClientSession(const ClientSession&) = delete;
    ClientSession& operator=(const ClientSession&) = delete;

    /// Lets the sink hear of something in turn with the store's events.
    void post_event(Operation operation, std::string body);

    /// Sends a request and waits for its reply: what follows the outcome in it. A request that gives
    /// something back is done also after its deadline, when the store is there again, and before whatever is
    /// asked later.
    Result<std::string> call(Operation operation, std::string body, Deadline deadline,
                             const RequestName& name);

    /// Whether this is the process that opened the session and not a forked child, which may do nothing with
    /// it.
    bool is_owner() const;
    bool is_usable();
    bool is_evicted() const { return is_evicted_.load(std::memory_order_relaxed); }
    uint64_t store_instance();
    const Endpoint& endpoint() const { return target_.endpoint; }
    const std::string& local_address() const { return local_address_; }

 private:
    using Lock = std::unique_lock<std::mutex>;
    using Clock = Deadline::Clock;

    struct Call {
        Operation operation = Operation::kSet;
        SharedBody body;  // kept for the case that it has to be sent again
        bool sent = false;
        std::optional<std::string> reply;
        bool asleep = false;
        bool overdue = false;    // past its deadline, and cancelled unless it gives something back
        bool abandoned = false;  // nobody waits for the reply any more, but it is to be done
        std::condition_variable wake;

        bool gives_back() const;
    };
    struct Patience;
    struct Outgoing {
        HeaderBytes header;
        SharedBody body;
        size_t sent = 0;
    };
    struct Event {
        Operation operation;
        std::string body;
    };

    void start(Established established);

    // One call.
    Result<std::string> make_call(Operation operation, std::string body, Deadline deadline,
                                  const RequestName& name);
    void begin(uint64_t request, std::shared_ptr<Call> call);
    void end(uint64_t request, Call& call);
    Result<std::string> wait_for_reply(Lock& lock, uint64_t request, Call& call, Deadline deadline,
                                       const RequestName& name);
    void look_after(Lock& lock, const Call& call, Patience& patience, const RequestName& name);
    std::string silence_text(const RequestName& name) const;
    void ask_for_sign();
    void lead(Lock& lock, const void* who, Deadline deadline);
    void sleep(Lock& lock, Call& call, Deadline deadline);
    void hand_over();
    Status late(const Call& call, const RequestName& name) const;

    // The connection; all with the lock held.
    bool is_connected() const { return channel_.has_value(); }
    void send(Operation operation, uint64_t request, SharedBody body);
    bool write_some(Outgoing& outgoing);
    void flush();
    void receive();
    void exchange_bytes();
    void take_unread();
    void consume(std::string_view bytes, const std::function<void(size_t)>& drop);
    size_t take_message(std::string_view bytes);
    void dispatch(const Header& header, std::string_view body);
    void disconnect(Status why);
    void give_up(Status why);
    void resume(Established established);
    std::deque<Outgoing> backlog(bool with_holdings);
    void take_reply(uint64_t request, std::string_view body);
    void take_event(const Header& header, std::string_view body);
    Header progress() const;

    // The session's own thread.
    void run(const std::stop_token& stop);
    void run_events(Lock& lock);
    void reconnect(Lock& lock, const std::stop_token& stop);
    void watch_over(Lock& lock, const std::stop_token& stop);
    void sleep_until_called(Lock& lock, const std::stop_token& stop);
    void wake_own_thread();
    void call_own_thread();
    void say_goodbye();

    const pid_t owner_;
    Target target_;
    const RequestCounters counters_;
    Incarnation incarnation_;
    WakeEvent wake_own_;     // makes the own thread look up from the socket
    WakeEvent wake_leader_;  // makes a leading caller do so
    WakeTimer quiet_timer_;  // makes the own thread look whether nobody has led for a moment
    EventSink sink_;
    std::string local_address_;

    std::mutex mutex_;
    Welcome welcome_;
    uint64_t first_epoch_ = 0;  // before anything that was granted to this session
    uint64_t max_message_ = 0;  // never changes
    ClientHoldings holdings_;
    std::optional<Channel> channel_;
    Status why_disconnected_;
    Clock::time_point disconnected_at_{};
    Clock::time_point asked_at_{};
    bool is_asked_ = false;    // the store, for a sign of life; nothing came since
    bool is_starved_ = false;  // there was no memory for what has come
    std::atomic<bool> is_evicted_{false};
    std::optional<Status> given_up_;  // for good
    std::map<uint64_t, std::shared_ptr<Call>> calls_;
    std::vector<uint64_t>
        orphans_;  // requests that nobody waits for any more and that the store has not been told to cancel
    uint64_t next_request_ = 1;
    uint64_t events_seen_ = 0;
    uint64_t events_acknowledged_ = 0;
    uint64_t events_bytes_ = 0;  // of those that are not acknowledged
    std::string incoming_;
    std::vector<char> scratch_;
    std::string_view unread_;  // of scratch_: what has come and was not looked at yet
    std::deque<Outgoing> outgoing_;
    std::deque<Event> events_;
    const void* leader_ = nullptr;  // a Call, or this: the session's own thread
    uint64_t turns_ = 0;            // how often a caller has begun to lead
    uint64_t quiet_turns_ = 0;      // the value of turns_ for which the own thread has waited long enough
    bool call_me_ = false;          // the own thread sleeps until nobody has led for a moment
    uint64_t turns_at_sleep_ = 0;   // the value of turns_ when it began to
    std::condition_variable_any own_wake_;
    std::jthread thread_;
};

}  // namespace memfabric::store
