// SPDX-License-Identifier: Apache-2.0
#include "store/client_session.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/attempt.h"
#include "base/thread.h"
#include "observe/long_wait.h"

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kGrace(1000);  // after the deadline, for the store's word: done, or who is missing
constexpr milliseconds kGoodbyeLimit(200);
constexpr size_t kLargeReply = 16384;  // bytes
constexpr size_t kScratchBytes = size_t{64} * 1024;

Result<std::string> take_apart(const std::string& reply) {
    Reader reader(reply);
    Outcome outcome;
    reader.get(outcome);
    if (reader.failed()) {
        return failure(Code::kStoreInvalidMessage, "the config store's reply makes no sense");
    }
    if (outcome.code != 0) {
        return Status(static_cast<Code>(outcome.code), std::move(outcome.text));
    }
    return std::string(reader.rest());
}

}  // namespace

/// Whether it gives back what this process would otherwise hold until it ends.
bool ClientSession::Call::gives_back() const {
    return operation == Operation::kLeave || operation == Operation::kReleaseRank ||
           operation == Operation::kReleaseWindow || operation == Operation::kUnwatch;
}

/// A call's wait for the store itself. Whom the store waits for it says on its own, as long as it answers: so
/// it is asked for a sign of life in the middle of the time after which its silence is told.
struct ClientSession::Patience {
    observe::LongWait wait;
    const Clock::duration step =
        milliseconds(observe::wait_notice_milliseconds.load(std::memory_order_relaxed)) / 2;
    Clock::time_point next_look = Clock::now() + step;

    Deadline stretch(Deadline deadline) const {
        return deadline.sooner(Deadline::after(std::chrono::ceil<milliseconds>(next_look - Clock::now())));
    }
};

ClientSession::ClientSession(Target target, Incarnation incarnation, EventSink sink, WakeEvent wake_own,
                             WakeEvent wake_leader, WakeTimer quiet_timer)
    : owner_(::getpid()),
      target_(std::move(target)),
      counters_(target_.endpoint),
      incarnation_(std::move(incarnation)),
      wake_own_(std::move(wake_own)),
      wake_leader_(std::move(wake_leader)),
      quiet_timer_(std::move(quiet_timer)),
      sink_(std::move(sink)),
      scratch_(kScratchBytes) {}

Result<std::unique_ptr<ClientSession>> ClientSession::open(Target target, Incarnation incarnation,
                                                           EventSink sink, Deadline deadline) {
    MF_ASSIGN_OR_RETURN(WakeEvent wake_own, WakeEvent::create());
    MF_ASSIGN_OR_RETURN(WakeEvent wake_leader, WakeEvent::create());
    MF_ASSIGN_OR_RETURN(WakeTimer quiet_timer, WakeTimer::create());
    auto session =
        std::make_unique<ClientSession>(std::move(target), std::move(incarnation), std::move(sink),
                                        std::move(wake_own), std::move(wake_leader), std::move(quiet_timer));
    const Hello hello{session->incarnation_, 0, 0, 0};
    observe::LongWait wait;
    for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
        LinkFailure why;
        if (auto established = establish(session->target_, hello, Header(), deadline,
                                         session->wake_own_.descriptor(), why)) {
            session->start(std::move(*established));
            return session;
        }
        if (why.kind != LinkFailure::Kind::kPassing || deadline.expired()) {
            return std::move(why.status);
        }
        wait.look([&] { return why.status.message(); });
        session->wake_own_.wait(deadline.sooner(Deadline::after(pause)));
    }
}

void ClientSession::start(Established established) {
    welcome_ = established.welcome;
    max_message_ = welcome_.max_message;
    first_epoch_ = welcome_.epoch;
    local_address_ = local_address_of(established.channel.descriptor()).host_text();
    channel_.emplace(std::move(established.channel));
    thread_ = start_thread("mf-store-client", [this](const std::stop_token& stop) { run(stop); });
}

ClientSession::~ClientSession() {
    thread_ = {};
    say_goodbye();
}

bool ClientSession::is_owner() const {
    return ::getpid() == owner_;
}

bool ClientSession::is_usable() {
    const Lock lock(mutex_);
    return is_owner() && !given_up_;
}

uint64_t ClientSession::store_instance() {
    const Lock lock(mutex_);
    return welcome_.store_instance;
}

Result<std::string> ClientSession::call(Operation operation, std::string body, Deadline deadline,
                                        const RequestName& name) {
    if (!is_owner()) {
        return failure(Code::kNotInitialized,
                       "{}: a forked child cannot use its parent's connection to the config store",
                       name.text());
    }
    if (body.size() > max_message_) {
        return failure(Code::kInvalidParam,
                       "{}: a message of {} bytes is more than the {} that the config store at {} takes "
                       "(MF_STORE_MAX_MESSAGE)",
                       name.text(), body.size(), max_message_, target_.endpoint.text());
    }
    const observe::Timed timed(counters_.of(operation), body.size());
    std::optional<Result<std::string>> result;
    if (!did_with_memory([&] { result = make_call(operation, std::move(body), deadline, name); })) {
        return Status::without_memory().with_context(name.verb);
    }
    if (result->is_ok()) {
        timed.done([&] { return name.text(); });
    }
    return std::move(*result);
}

Result<std::string> ClientSession::make_call(Operation operation, std::string body, Deadline deadline,
                                             const RequestName& name) {
    const auto made = std::make_shared<Call>();
    Call& call = *made;
    call.operation = operation;
    call.body = std::make_shared<const std::string>(std::move(body));
    Lock lock(mutex_);
    const uint64_t request = next_request_++;
    begin(request, made);
    std::optional<Result<std::string>> result;
    const bool had_memory = did_with_memory([&] {
        if (is_connected()) {
            send(operation, request, call.body);
            call.sent = true;
        } else {
            wake_own_thread();
        }
        result = wait_for_reply(lock, request, call, deadline, name);
    });
    end(request, call);
    if (!had_memory) {
        throw std::bad_alloc();
    }
    return std::move(*result);
}

void ClientSession::begin(uint64_t request, std::shared_ptr<Call> call) {
    orphans_.reserve(orphans_.size() + calls_.size() + 1);  // so that end() needs no memory
    calls_.emplace(request, std::move(call));
}

void ClientSession::end(uint64_t request, Call& call) {
    // What could not be sent over this connection must not be sent over a later one, out of turn.
    call.abandoned = !call.reply && !given_up_ && call.gives_back() && (call.sent || !is_connected());
    if (!call.abandoned) {
        calls_.erase(request);
    }
    if (!call.reply && !given_up_ && !call.abandoned) {
        orphans_.push_back(request);
        if (call.sent) {
            insist([&] { holdings_.note_given_up(call.operation, *call.body); });
        }
    }
    if (leader_ == &call) {
        leader_ = nullptr;
    }
    // The store keeps a reply until it knows that it has arrived: with a thousand clients, large ones add up.
    // The next message would tell it as well, so it does no harm where there is no memory for this one.
    if (call.reply && call.reply->size() >= kLargeReply && is_connected()) {
        static_cast<void>(did_with_memory([this] { send(Operation::kAcknowledge, 0, empty_body()); }));
    }
    hand_over();
}

Result<std::string> ClientSession::wait_for_reply(Lock& lock, uint64_t request, Call& call, Deadline deadline,
                                                  const RequestName& name) {
    Patience patience;
    while (!call.reply) {
        if (given_up_) {
            return given_up_->with_context(name.text());
        }
        if (deadline.expired()) {
            if (call.overdue || !is_connected()) {
                return late(call, name);
            }
            call.overdue = true;
            if (!call.gives_back()) {
                send(Operation::kCancel, request, empty_body());
            }
            deadline = Deadline::after(kGrace);
        } else if (is_connected() && (leader_ == nullptr || leader_ == this || leader_ == &call)) {
            if (leader_ != &call) {
                ++turns_;
                quiet_timer_.clear();
            }
            if (leader_ == this) {
                wake_own_.signal();
            }
            lead(lock, &call, patience.stretch(deadline));
        } else {
            sleep(lock, call, patience.stretch(deadline));
        }
        if (!call.reply && !given_up_ && Clock::now() >= patience.next_look) {
            static_cast<void>(did_with_memory([&] { look_after(lock, call, patience, name); }));
        }
    }
    return take_apart(*call.reply);
}

void ClientSession::look_after(Lock& lock, const Call& call, Patience& patience, const RequestName& name) {
    const Clock::time_point now = Clock::now();
    patience.next_look = now + patience.step;
    if (is_connected() && !is_asked_) {
        ask_for_sign();
        return;
    }
    if (is_connected() && now - asked_at_ < patience.step / 2) {
        return;  // for another call, just now
    }
    // Others go on while it is said: the logger is the program's own, perhaps, and may take its time.
    patience.wait.look([&] {
        std::string text = silence_text(name);
        leader_ = leader_ == &call ? nullptr : leader_;
        hand_over();
        lock.unlock();
        return text;
    });
    if (!lock.owns_lock()) {
        lock.lock();
    }
}

/// By a question that any store answers at once. Nobody waits for the answer.
void ClientSession::ask_for_sign() {
    is_asked_ = true;
    asked_at_ = Clock::now();
    send(Operation::kFind, next_request_++,
         std::make_shared<const std::string>(encode(KeyMessage{"a sign of life"})));
}

std::string ClientSession::silence_text(const RequestName& name) const {
    using Seconds = std::chrono::duration<double>;
    if (is_connected()) {
        return fmt::format(
            "{}: the config store at {} has given no sign for {:.1f} s: it is stopped, too busy or out of "
            "reach, "
            "or it was started again and waits for its clients (MF_STORE_SETTLE)",
            name.text(), target_.endpoint.text(), Seconds(Clock::now() - asked_at_).count());
    }
    return fmt::format("{}: the connection to the config store at {} broke {:.1f} s ago ({})", name.text(),
                       target_.endpoint.text(), Seconds(Clock::now() - disconnected_at_).count(),
                       why_disconnected_.message());
}

Status ClientSession::late(const Call& call, const RequestName& name) const {
    if (is_connected()) {
        return failure(Code::kStoreTimeout, "{}: the config store at {} did not answer by the deadline{}",
                       name.text(), target_.endpoint.text(),
                       call.gives_back() ? "; it is done all the same" : "");
    }
    const auto away = std::chrono::duration_cast<milliseconds>(Clock::now() - disconnected_at_);
    return failure(Code::kStoreSocket,
                   "{}: the connection to the config store at {} broke {} ms ago ({}) and was not back by "
                   "the deadline{}",
                   name.text(), target_.endpoint.text(), away.count(), why_disconnected_.message(),
                   call.gives_back() ? "; it is done once the store is back"
                   : call.overdue    ? ""
                                     : "; whether the store has done it is not known");
}

void ClientSession::lead(Lock& lock, const void* who, Deadline deadline) {
    leader_ = who;
    const WakeEvent& wake = who == this ? wake_own_ : wake_leader_;
    // What cannot be read for want of memory makes the socket no less readable.
    pollfd polled[2] = {{is_starved_ ? -1 : channel_->descriptor(),
                         static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
                        {wake.descriptor(), POLLIN, 0}};
    const Deadline until = is_starved_ ? deadline.sooner(Deadline::after(kMemoryPause)) : deadline;
    lock.unlock();
    ::poll(polled, 2, until.poll_timeout());
    lock.lock();
    if (polled[1].revents != 0) {
        wake.drain();
    }
    // Only the leader takes bytes: whoever has been relieved of it must not swallow the reply that its
    // successor waits for.
    if (leader_ == who && (polled[0].revents != 0 || is_starved_)) {
        exchange_bytes();
    }
}

/// What there is no memory for stays where it is. The connection does, too: whoever is away from the store
/// for a moment only is taken for lost.
void ClientSession::exchange_bytes() {
    is_starved_ = !did_with_memory([this] {
        flush();
        receive();
    });
}

void ClientSession::sleep(Lock& lock, Call& call, Deadline deadline) {
    call.asleep = true;
    if (deadline.is_never()) {
        call.wake.wait(lock);
    } else {
        call.wake.wait_until(lock, deadline.when());
    }
    call.asleep = false;
}

void ClientSession::hand_over() {
    if (leader_ != nullptr || !is_connected()) {
        return;
    }
    for (const auto& [request, call] : calls_) {
        if (call->asleep) {
            call->wake.notify_one();
            return;
        }
    }
    call_own_thread();
}

void ClientSession::say_goodbye() {
    const Lock lock(mutex_);
    if (!is_connected()) {
        return;
    }
    const Deadline deadline = Deadline::after(kGoodbyeLimit);
    if (!did_with_memory([this] { send(Operation::kGoodbye, 0, empty_body()); })) {
        return;  // the store sees the connection end, and takes it for lost a little later
    }
    // The store closes once it has taken note, so that what we held is free when this returns.
    while (is_connected() && !deadline.expired()) {
        pollfd polled{channel_->descriptor(),
                      static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
        ::poll(&polled, 1, deadline.poll_timeout());
        exchange_bytes();
    }
}

}  // namespace memfabric::store
