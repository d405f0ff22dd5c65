// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/status.h"
#include "base/weak_map.h"
#include "transport/fabric/answer_book.h"
#include "transport/fabric/message_endpoint.h"

namespace memfabric::transport {

/// Requests to other processes and their answers. A request is carried out once, also where a connection
/// breaks under it and it has to be sent again.
class Messenger final : private MessageSink {
 public:
    /// One life of one process that requests go to. Shared by all who talk with it.
    class Route;
    /// One request under way.
    class Exchange;

    /// Service numbers from here on are the transport's own.
    static constexpr uint32_t kFirstOwnService = 0xffff0000;

    using Service = std::function<std::string(std::string_view request)>;
    /// Runs on any thread that makes progress, several at once: takes no lock that is held over a request.
    using QuickService = std::function<Answer(std::string_view request)>;
    /// Asked again and again while a request waits; ends it where it is a failure.
    using Interruption = std::function<Status()>;

    /// Over all the rails, which outlive it.
    static Result<std::unique_ptr<Messenger>> open(FabricRails& rails, uint64_t instance);
    ~Messenger() override;
    Messenger(const Messenger&) = delete;
    Messenger& operator=(const Messenger&) = delete;

    /// Where requests reach it over that rail.
    const std::string& address(size_t rail) const { return endpoints_[rail]->address(); }
    /// Where a process listens that requests reach over `rail`.
    struct Way {
        size_t rail = 0;
        std::string address;
    };
    /// `ways`: the best first; another one is tried where no answer comes.
    Result<std::shared_ptr<Route>> route(std::span<const Way> ways, uint64_t instance);

    /// Before start() only.
    void serve_quickly(uint32_t service, QuickService handler) { quick_[service] = std::move(handler); }
    /// Before start() only: calls `ready` on the thread whenever the descriptor is readable.
    void watch(int descriptor, std::function<void()> ready);
    /// Before start() only: calls `use` on the thread with each further address where it listens from then
    /// on.
    void when_listening(std::function<void(const std::string& address)> use) {
        on_listening_ = std::move(use);
    }
    /// Starts the thread that progresses.
    void start();

    /// Replaces; null ends. On return the former one does not run and never will.
    void serve(uint32_t service, Service handler);

    /// `peer` is for texts.
    Result<std::string> request(Route& route, std::string_view peer, uint32_t service,
                                std::string_view payload, Deadline deadline,
                                const Interruption& interruption);

    uint64_t requests() const { return requests_; }

 private:
    struct Pending;
    struct Watched {
        int descriptor = -1;
        std::function<void()> ready;
    };
    struct Line {
        MessageEndpoint* endpoint = nullptr;
        fi_addr_t handle = FI_ADDR_UNSPEC;
    };
    struct Reply {
        Line to{};
        uint64_t life = 0;
        uint64_t id = 0;
        uint32_t service = 0;
        std::shared_ptr<Answer> room{};  // made before the request is entered: its answer finds memory
        std::shared_ptr<const Answer> answer{};
        Deadline until = Deadline::never();
    };
    struct Replier {
        std::string reply_to;
        Line line;
    };
    struct Waiting {
        Reply reply;
        std::string payload;
    };

    Messenger(FabricRails& rails, uint64_t instance)
        : rails_(rails), instance_(instance), spares_(rails.size()) {}
    void received(std::string_view bytes, MessageEndpoint& at) override;
    void returned(std::string_view bytes) override;
    void on_request(const Message& message, MessageEndpoint& at);
    void on_answer(const Message& message);
    Result<Line> replier(const Message& request, MessageEndpoint& at);
    void answer_quickly(Reply reply, const QuickService& service, std::string_view payload);
    void answer(Reply reply, Answer answer);
    void send_or_keep(Reply reply);
    bool send_reply(const Reply& reply);
    bool send_request(Route& route, const Line& line, const Message& request);
    void doubt(Route& route, Deadline::Clock::time_point now);
    void add_spares();
    void add_spare(Route& route);
    Result<MessageEndpoint*> spare(size_t rail, size_t number);
    void progress_until(const std::stop_token& stop);
    bool run_services();
    Answer run_service(const Waiting& waiting);
    bool flush_replies();
    void shrink_book(Deadline::Clock::time_point now);
    void sleep(bool briefly);
    void sleep_as_caller(MessageEndpoint& endpoint, Pending& pending, Deadline::Clock::time_point until);
    void progress_as_caller(MessageEndpoint& endpoint);
    void wake() const;
    void clear_wake() const;

    FabricRails& rails_;
    const uint64_t instance_;
    std::vector<std::unique_ptr<MessageEndpoint>> endpoints_;                           // a rail each; fixed
    std::unordered_map<uint32_t, QuickService> quick_;                                  // fixed since start()
    std::vector<Watched> watched_;                                                      // likewise
    std::function<void(const std::string&)> on_listening_ = [](const std::string&) {};  // likewise
    std::atomic<uint64_t> requests_{0};
    std::atomic<uint64_t> asked_{0};                      // requests that came
    std::atomic<Deadline::Clock::duration> driven_at_{};  // when a caller last read messages
    Fd wake_;

    std::mutex mutex_;  // guards all up to services_mutex_
    uint64_t next_id_ = 1;
    WeakMap<uint64_t, Route> routes_;                              // by life
    std::unordered_map<uint64_t, std::vector<Replier>> repliers_;  // how answers reach a life
    AnswerBook book_;
    std::list<Waiting> waiting_;     // for the thread
    std::deque<Reply> replies_;      // that the engine did not take at once
    std::vector<uint64_t> doubted_;  // lives whose routes are to get a spare

    std::mutex services_mutex_;  // held while a service runs
    std::unordered_map<uint32_t, Service> services_;

    // Of the thread alone, once it runs.
    AnswerBook::Clock::time_point shrunk_{};
    std::vector<std::vector<std::unique_ptr<MessageEndpoint>>> spares_;  // of each rail; only added to
    std::vector<MessageEndpoint*> polled_;                               // all, spares too
    std::jthread thread_;
};

/// Driven by whoever has it. Gives up on the answer when it is destroyed; the request may then still be
/// carried out.
class Messenger::Exchange {
 public:
    /// `payload` must outlive it and have at most kLargestPayload bytes.
    Exchange(Messenger& messenger, Route& route, uint32_t service, std::string_view payload);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Sends it, again where that is due. Never waits. True where the answer is there.
    bool advance();
    /// Waits, spinning first, until the answer is there or there is something to do for advance().
    void wait(Deadline until);
    bool was_sent() const { return was_sent_; }
    /// Only where the answer is there.
    Answer& answer();

 private:
    void change_line(Deadline::Clock::time_point now);

    Messenger& messenger_;
    Route& route_;
    const uint32_t service_;
    const std::string_view payload_;
    const std::unique_ptr<Pending> pending_;
    uint64_t id_ = 0;
    bool was_sent_ = false;
    size_t number_ = 0;  // of the line, in the route
    Line line_;
    Deadline::Clock::time_point send_at_;
    Deadline::Clock::time_point change_at_;  // to another line, where this one takes nothing
    std::chrono::milliseconds repeat_;
};

}  // namespace memfabric::transport
