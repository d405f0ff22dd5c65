// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <rdma/fi_errno.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/thread.h"
#include "transport/fabric/messages_route.h"

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;

// Answers within a host's switch come within it; longer spinning hurts whoever shares the core.
constexpr std::chrono::microseconds kSpin{50};
// While callers wait for answers they read the messages themselves: waking the thread as well would cost each
// of them a change of threads. For so long after the last one the thread leaves them to it.
constexpr std::chrono::microseconds kLeaveToCallers{100};
// How often a caller that sleeps looks whether its peer is still there.
constexpr std::chrono::milliseconds kLookAround{50};
// The engine said "again".
constexpr std::chrono::milliseconds kTryAgain{1};
constexpr std::chrono::milliseconds kFirstRepeat{250};
constexpr std::chrono::milliseconds kLongestRepeat{1000};

}  // namespace

void Messenger::Pending::wake() const {
    if (waker.is_open()) {
        static_cast<void>(::eventfd_write(waker.get(), 1));
    }
}

Result<std::unique_ptr<Messenger>> Messenger::open(FabricRails& rails, uint64_t instance) {
    std::unique_ptr<Messenger> opened(new Messenger(rails, instance));
    opened->polled_.reserve(rails.size() * (1 + Route::kMostSpares));
    for (FabricRail& rail : rails) {
        MF_ASSIGN_OR_RETURN(auto endpoint, MessageEndpoint::open(rail));
        opened->polled_.push_back(endpoint.get());
        opened->endpoints_.push_back(std::move(endpoint));
    }
    opened->wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!opened->wake_.is_open()) {
        return failure(errno_code(errno), "eventfd failed: {}", errno_text(errno));
    }
    return opened;
}

void Messenger::watch(int descriptor, std::function<void()> ready) {
    watched_.push_back({descriptor, std::move(ready)});
}

void Messenger::start() {
    thread_ = start_thread("mf-messages", [this](const std::stop_token& stop) { progress_until(stop); });
}

Messenger::~Messenger() {
    if (thread_.joinable()) {
        thread_.request_stop();
        wake();
        thread_.join();
    }
}

void Messenger::clear_wake() const {
    eventfd_t ignored = 0;
    static_cast<void>(::eventfd_read(wake_.get(), &ignored));
}

void Messenger::wake() const {
    static_cast<void>(::eventfd_write(wake_.get(), 1));
}

Result<std::shared_ptr<Messenger::Route>> Messenger::route(std::span<const Way> ways, uint64_t instance) {
    const std::scoped_lock guard(mutex_);
    if (auto route = routes_.find(instance)) {
        return route;
    }
    auto route = std::make_shared<Route>(ways, instance);
    for (const Way& way : ways) {
        MessageEndpoint* const endpoint = endpoints_[way.rail].get();
        MF_ASSIGN_OR_RETURN(const fi_addr_t handle, endpoint->insert(way.address));
        route->lines.push_back({endpoint, handle});
    }
    routes_.put(instance, route);
    return route;
}

Result<std::string> Messenger::request(Route& route, std::string_view peer, uint32_t service,
                                       std::string_view payload, Deadline deadline,
                                       const Interruption& interruption) {
    if (payload.size() > kLargestPayload) {
        return failure(Code::kInvalidParam, "request to {}: {} bytes are more than {}", peer, payload.size(),
                       kLargestPayload);
    }
    Exchange exchange(*this, route, service, payload);
    while (!exchange.advance()) {
        MF_RETURN_IF_ERROR(interruption());
        if (deadline.expired()) {
            return failure(Code::kTimeout, "request to {}: {}", peer,
                           exchange.was_sent()
                               ? "sent, but no answer came by the deadline; it may still be carried out"
                               : "the deadline passed before there was a way to it; nothing was sent");
        }
        exchange.wait(deadline);
    }
    Answer& answer = exchange.answer();
    if (answer.code != Code::kOk) {
        return failure(answer.code, "{}: {}", peer, answer.bytes);
    }
    return std::move(answer.bytes);
}

bool Messenger::send_request(Route& route, const Line& line, const Message& request) {
    Message message = request;
    message.type = MessageType::kRequest;
    message.from = instance_;
    message.to = route.instance;
    message.reply_to = line.endpoint->address();
    {
        const std::scoped_lock guard(mutex_);
        // It may have been answered just now, and wait no more.
        message.oldest = route.pending.empty() ? request.id : route.pending.begin()->first;
    }
    return line.endpoint->send(line.handle, message);
}

Messenger::Exchange::Exchange(Messenger& messenger, Route& route, uint32_t service, std::string_view payload)
    : messenger_(messenger),
      route_(route),
      service_(service),
      payload_(payload),
      pending_(std::make_unique<Pending>()),
      send_at_(Clock::now()),
      change_at_(send_at_ + kFirstRepeat),
      repeat_(kFirstRepeat) {
    ++messenger_.requests_;
    const std::scoped_lock guard(messenger_.mutex_);
    number_ = route_.preferred.load(std::memory_order_relaxed);
    line_ = route_.lines[number_];
    route_.silent_since = route_.silent_since.value_or(send_at_);
    id_ = messenger_.next_id_++;
    route_.pending.emplace(id_, pending_.get());
}

Messenger::Exchange::~Exchange() {
    const std::scoped_lock guard(messenger_.mutex_);
    route_.pending.erase(id_);
}

bool Messenger::Exchange::advance() {
    if (pending_->done) {
        return true;
    }
    const Clock::time_point now = Clock::now();
    if (pending_->came_back.exchange(false)) {
        send_at_ = std::min(send_at_, now + kTryAgain);
    }
    if (now >= send_at_) {
        if (now >= change_at_) {
            change_line(now);
        }
        Message message;
        message.service = service_;
        message.id = id_;
        message.payload = payload_;
        const bool taken = messenger_.send_request(route_, line_, message);
        send_at_ = now + (taken ? repeat_ : kTryAgain);
        repeat_ = taken ? std::min(2 * repeat_, kLongestRepeat) : repeat_;
        was_sent_ = was_sent_ || taken;
    }
    return pending_->done;
}

void Messenger::Exchange::change_line(Clock::time_point now) {
    const std::scoped_lock guard(messenger_.mutex_);
    messenger_.doubt(route_, now);
    number_ = (number_ + 1) % route_.lines.size();
    line_ = route_.lines[number_];
    change_at_ = now + kFirstRepeat;
}

Answer& Messenger::Exchange::answer() {
    route_.preferred.store(number_, std::memory_order_relaxed);
    return pending_->answer;
}

void Messenger::Exchange::wait(Deadline until) {
    const Clock::time_point now = Clock::now();
    const Clock::time_point end = std::min({until.when(), send_at_, now + kLookAround});
    const Clock::time_point spin_until = std::min(now + kSpin, end);
    const auto is_over = [&] { return pending_->done || pending_->came_back || Clock::now() >= end; };
    MessageEndpoint& endpoint = *line_.endpoint;
    do {
        messenger_.progress_as_caller(endpoint);
    } while (!pending_->done && Clock::now() < spin_until);
    while (!is_over()) {
        messenger_.sleep_as_caller(endpoint, *pending_, end);
        messenger_.progress_as_caller(endpoint);
    }
}

void Messenger::progress_as_caller(MessageEndpoint& endpoint) {
    driven_at_ = Clock::now().time_since_epoch();
    endpoint.progress(*this);
}

/// Until a message can be read, or another thread has read this one's answer.
void Messenger::sleep_as_caller(MessageEndpoint& endpoint, Pending& pending, Clock::time_point until) {
    {
        const std::scoped_lock guard(mutex_);
        if (!pending.waker.is_open()) {
            pending.waker = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        }
        if (pending.done || pending.came_back) {
            return;
        }
    }
    if (!endpoint.may_sleep()) {
        return;
    }
    const auto longest = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    std::array<pollfd, 2> waits = {
        {{endpoint.wait_descriptor(), POLLIN, 0}, {pending.waker.get(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(longest.count(), 0)));
}

void Messenger::received(std::string_view bytes, MessageEndpoint& at) {
    const auto message = Message::decode(bytes);
    if (!message.is_ok()) {
        return;  // nobody whom we could tell
    }
    if (message->type == MessageType::kAnswer) {
        on_answer(*message);
    } else {
        on_request(*message, at);
    }
}

void Messenger::on_answer(const Message& message) {
    const std::scoped_lock guard(mutex_);
    const auto route = routes_.find(message.from);
    if (route == nullptr) {
        return;
    }
    route->silent_since.reset();
    const auto waiting = route->pending.find(message.id);
    if (waiting != route->pending.end()) {
        Pending& pending = *waiting->second;
        pending.answer = {message.code, std::string(message.payload)};
        // However long its owner keeps it: the peer keeps the answers to all that came after the oldest one.
        route->pending.erase(waiting);
        pending.done = true;
        pending.wake();
    }
}

void Messenger::returned(std::string_view bytes) {
    const auto message = Message::decode(bytes);
    if (!message.is_ok() || message->type != MessageType::kRequest) {
        return;  // of an answer: whoever waits for it asks again
    }
    const std::scoped_lock guard(mutex_);
    const auto route = routes_.find(message->to);
    if (route == nullptr) {
        return;
    }
    if (const auto waiting = route->pending.find(message->id); waiting != route->pending.end()) {
        waiting->second->came_back = true;
        waiting->second->wake();
    }
}

void Messenger::progress_until(const std::stop_token& stop) {
    Clock::time_point spin_until = Clock::now();
    while (!stop.stop_requested()) {
        const uint64_t before = asked_;
        add_spares();
        for (MessageEndpoint* const endpoint : polled_) {
            endpoint->progress(*this);
        }
        const bool served = run_services() || asked_ != before;
        const bool replies_wait = flush_replies();
        const Clock::time_point now = Clock::now();
        if (served) {
            spin_until = now + kSpin;
            shrink_book(now);
        } else if (now >= spin_until) {
            sleep(replies_wait);
        }
    }
}

void Messenger::sleep(bool briefly) {
    const Clock::time_point driven(driven_at_.load());
    if (Clock::now() - driven < kLeaveToCallers) {
        pollfd wait{wake_.get(), POLLIN, 0};
        const timespec shortly{0, std::chrono::nanoseconds(kLeaveToCallers).count()};
        if (::ppoll(&wait, 1, &shortly, nullptr) > 0) {
            clear_wake();
        }
        return;
    }
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
    for (MessageEndpoint* const endpoint : polled_) {
        if (!endpoint->may_sleep()) {
            return;
        }
        waits.push_back({endpoint->wait_descriptor(), POLLIN, 0});
    }
    for (const Watched& watched : watched_) {
        waits.push_back({watched.descriptor, POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), briefly ? 1 : -1) <= 0) {
        return;
    }
    if (waits[0].revents != 0) {
        clear_wake();
    }
    for (size_t i = 0; i < watched_.size(); ++i) {
        if (waits[1 + polled_.size() + i].revents != 0) {
            watched_[i].ready();
        }
    }
}

}  // namespace memfabric::transport
