// SPDX-License-Identifier: Apache-2.0
#include "store/client_session.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/thread.h"

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kOwnThreadDelay(5);  // nobody has led for so long: the own thread does
constexpr milliseconds kCancelGrace(1000);  // for the store's word on who is missing, after the deadline
constexpr milliseconds kFirstPause(2);      // between attempts to connect
constexpr milliseconds kLongestPause(500);
constexpr milliseconds kAttemptLimit(5000);
constexpr milliseconds kIdleReconnect(30000);  // with nobody waiting, no more attempts after this
constexpr milliseconds kGoodbyeLimit(200);
constexpr size_t kScratchBytes = 64 * 1024;
constexpr uint64_t kEventsPerAcknowledgement = 32;

void signal(const Fd& event) {
    const uint64_t one = 1;
    // Can only fail where the counter is full, and then it is readable anyway.
    static_cast<void>(!::write(event.get(), &one, sizeof one));
}

void drain(const Fd& event) {
    uint64_t count = 0;
    static_cast<void>(!::read(event.get(), &count, sizeof count));
}

void pause_for(const Fd& event, Deadline deadline) {
    pollfd polled{event.get(), POLLIN, 0};
    ::poll(&polled, 1, deadline.poll_timeout());
}

SharedBody no_body() {
    static const SharedBody kNone = std::make_shared<const std::string>();
    return kNone;
}

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

ClientSession::ClientSession(Target target, Incarnation incarnation, EventSink sink, Fd wake_own,
                             Fd wake_leader)
    : owner_(::getpid()),
      target_(std::move(target)),
      incarnation_(std::move(incarnation)),
      wake_own_(std::move(wake_own)),
      wake_leader_(std::move(wake_leader)),
      sink_(std::move(sink)),
      scratch_(kScratchBytes) {}

Result<std::unique_ptr<ClientSession>> ClientSession::open(Target target, Incarnation incarnation,
                                                           EventSink sink, Deadline deadline) {
    Fd wake_own(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Fd wake_leader(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_own.is_open() || !wake_leader.is_open()) {
        return failure(Code::kNewObjectFailed, "config store at {}: no eventfd could be made, {}",
                       target.endpoint.text(), errno_text(errno));
    }
    std::unique_ptr<ClientSession> session(new ClientSession(std::move(target), std::move(incarnation),
                                                             std::move(sink), std::move(wake_own),
                                                             std::move(wake_leader)));
    const Hello hello{session->incarnation_, 0, 0};
    for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
        LinkFailure why;
        if (auto established =
                establish(session->target_, hello, Header(), deadline, session->wake_own_.get(), why)) {
            session->start(std::move(*established));
            return session;
        }
        if (why.is_final || deadline.expired()) {
            return std::move(why.status);
        }
        pause_for(session->wake_own_, deadline.sooner(Deadline::after(pause)));
    }
}

void ClientSession::start(Established established) {
    welcome_ = established.welcome;
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

Result<std::string> ClientSession::call(Operation operation, std::string body, Deadline deadline,
                                        std::string_view what) {
    if (!is_owner()) {
        return failure(Code::kNotInitialized,
                       "{}: a forked child cannot use its parent's connection to the config store", what);
    }
    if (body.size() > welcome_.max_message) {
        return failure(Code::kInvalidParam,
                       "{}: a message of {} bytes is more than the {} that the config store at {} takes "
                       "(MF_STORE_MAX_MESSAGE)",
                       what, body.size(), welcome_.max_message, target_.endpoint.text());
    }
    Call call;
    call.operation = operation;
    call.body = std::make_shared<const std::string>(std::move(body));
    Lock lock(mutex_);
    const uint64_t request = next_request_++;
    calls_.emplace(request, &call);
    if (is_connected()) {
        send(operation, request, call.body);
    } else {
        own_wake_.notify_all();
    }
    Result<std::string> result = wait_for_reply(lock, request, call, deadline, what);
    calls_.erase(request);
    if (!call.reply && !given_up_) {
        orphans_.push_back(request);
    }
    if (leader_ == &call) {
        leader_ = nullptr;
    }
    hand_over();
    return result;
}

Result<std::string> ClientSession::wait_for_reply(Lock& lock, uint64_t request, Call& call, Deadline deadline,
                                                  std::string_view what) {
    while (!call.reply) {
        if (given_up_) {
            return given_up_->with_context(what);
        }
        if (deadline.expired()) {
            if (call.cancelled || !is_connected()) {
                return late(call, what);
            }
            call.cancelled = true;
            send(Operation::kCancel, request, no_body());
            deadline = Deadline::after(kCancelGrace);
        } else if (is_connected() && (leader_ == nullptr || leader_ == this || leader_ == &call)) {
            if (leader_ != &call) {
                ++turns_;
            }
            if (leader_ == this) {
                signal(wake_own_);
            }
            lead(lock, &call, deadline);
        } else {
            sleep(lock, call, deadline);
        }
    }
    return take_apart(*call.reply);
}

Status ClientSession::late(const Call& call, std::string_view what) const {
    if (is_connected()) {
        return failure(Code::kStoreTimeout, "{}: the config store at {} did not answer by the deadline", what,
                       target_.endpoint.text());
    }
    const auto away = std::chrono::duration_cast<milliseconds>(Clock::now() - disconnected_at_);
    return failure(Code::kStoreSocket,
                   "{}: the connection to the config store at {} broke {} ms ago ({}) and was not back by "
                   "the deadline{}",
                   what, target_.endpoint.text(), away.count(), why_disconnected_,
                   call.cancelled ? "" : "; whether the store has done it is not known");
}

void ClientSession::lead(Lock& lock, const void* who, Deadline deadline) {
    leader_ = who;
    const Fd& wake = who == this ? wake_own_ : wake_leader_;
    pollfd polled[2] = {
        {channel_->descriptor(), static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
        {wake.get(), POLLIN, 0}};
    lock.unlock();
    ::poll(polled, 2, deadline.poll_timeout());
    lock.lock();
    if (polled[1].revents != 0) {
        drain(wake);
    }
    // Only the leader takes bytes: whoever has been relieved of it must not swallow the reply that its
    // successor waits for.
    if (leader_ == who && polled[0].revents != 0) {
        flush();
        receive();
    }
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
    if (call_me_) {
        own_wake_.notify_all();
    }
}

Header ClientSession::progress() const {
    Header header;
    header.acknowledged = calls_.empty() ? next_request_ : calls_.begin()->first;
    header.events_seen = events_seen_;
    return header;
}

void ClientSession::send(Operation operation, uint64_t request, SharedBody body) {
    Header header = progress();
    header.operation = operation;
    header.request = request;
    header.length = static_cast<uint32_t>(body->size());
    events_acknowledged_ = events_seen_;
    outgoing_.push_back(Outgoing{encode_header(header), std::move(body), 0});
    if (outgoing_.size() > 1) {
        return;
    }
    flush();
    if (!outgoing_.empty() && leader_ != nullptr) {
        signal(leader_ == this ? wake_own_ : wake_leader_);
    }
}

bool ClientSession::write_some(Outgoing& outgoing) {
    const std::string_view header(outgoing.header.data(), outgoing.header.size());
    const size_t in_body = outgoing.sent > kHeaderSize ? outgoing.sent - kHeaderSize : 0;
    const IoResult result = channel_->write(header.substr(std::min(outgoing.sent, kHeaderSize)),
                                            std::string_view(*outgoing.body).substr(in_body));
    if (result.state == IoState::kDone) {
        outgoing.sent += result.bytes;
        return true;
    }
    if (result.state == IoState::kClosed || result.state == IoState::kFailed) {
        channel_->abort();  // whoever leads sees the end and takes the connection down
    }
    return false;
}

void ClientSession::flush() {
    while (!outgoing_.empty() && write_some(outgoing_.front())) {
        if (outgoing_.front().sent == kHeaderSize + outgoing_.front().body->size()) {
            outgoing_.pop_front();
        }
    }
}

void ClientSession::receive() {
    for (;;) {
        const IoResult result = channel_->read(scratch_);
        if (result.state == IoState::kWantRead || result.state == IoState::kWantWrite) {
            return;
        }
        if (result.state != IoState::kDone) {
            disconnect(result.reason.empty() ? "the store closed it" : result.reason);
            return;
        }
        const std::string_view bytes(scratch_.data(), result.bytes);
        if (incoming_.empty()) {
            incoming_.assign(bytes.substr(consume(bytes)));
        } else {
            incoming_.append(bytes);
            incoming_.erase(0, consume(incoming_));
        }
        if (!is_connected() || (result.bytes < scratch_.size() && !channel_->has_buffered())) {
            return;
        }
    }
}

size_t ClientSession::consume(std::string_view bytes) {
    size_t used = 0;
    // A reply carries up to a whole message and the outcome in front of it.
    const uint64_t limit = welcome_.max_message + kMaxHandshakeMessage;
    while (bytes.size() - used >= kHeaderSize && is_connected()) {
        const std::string_view rest = bytes.substr(used);
        const Result<Header> header = decode_header(rest, limit);
        if (!header.is_ok()) {
            give_up(header.status().with_context(fmt::format("config store at {}", target_.endpoint.text())));
            return bytes.size();
        }
        if (rest.size() < kHeaderSize + header->length) {
            break;
        }
        used += kHeaderSize + header->length;
        dispatch(*header, rest.substr(kHeaderSize, header->length));
    }
    return std::min(used, bytes.size());
}

void ClientSession::dispatch(const Header& header, std::string_view body) {
    switch (header.operation) {
        case Operation::kReply:
            if (const auto found = calls_.find(header.request); found != calls_.end()) {
                found->second->reply = std::string(body);
                if (found->second->asleep) {
                    found->second->wake.notify_one();
                }
            } else {
                std::erase(orphans_, header.request);
            }
            return;
        case Operation::kWatchEvent:
        case Operation::kMemberEvent:
            if (header.request > events_seen_) {
                events_seen_ = header.request;
                events_.push_back(Event{header.operation, std::string(body)});
                own_wake_.notify_all();
            }
            if (events_seen_ - events_acknowledged_ >= kEventsPerAcknowledgement) {
                send(Operation::kAcknowledge, 0, no_body());
            }
            return;
        case Operation::kRefusal: {
            const Result<Outcome> outcome = decode<Outcome>(body);
            give_up(outcome.is_ok() ? Status(static_cast<Code>(outcome->code),
                                             fmt::format("config store at {}: {}", target_.endpoint.text(),
                                                         outcome->text))
                                    : outcome.status());
            return;
        }
        default:
            return;  // a newer store may say more than we know
    }
}

void ClientSession::disconnect(const std::string& why) {
    log_info("config store at {}: the connection broke: {}", target_.endpoint.text(), why);
    channel_.reset();
    outgoing_.clear();
    incoming_.clear();
    why_disconnected_ = why;
    disconnected_at_ = Clock::now();
    leader_ = nullptr;
    own_wake_.notify_all();
}

void ClientSession::give_up(Status why) {
    // A store that was stopped in good order is how most programs end.
    log(why.code() == Code::kStoreSocket ? LogLevel::kInfo : LogLevel::kWarn, "{}", why.message());
    disconnect(why.message());
    given_up_ = std::move(why);
    orphans_.clear();
    for (const auto& [request, call] : calls_) {
        call->wake.notify_one();
    }
}

void ClientSession::resume(Established established) {
    log_info("config store at {}: connected again", target_.endpoint.text());
    channel_.emplace(std::move(established.channel));
    for (const auto& [request, call] : calls_) {
        send(call->operation, request, call->body);
        if (call->cancelled) {
            send(Operation::kCancel, request, no_body());
        }
    }
    for (const uint64_t request : orphans_) {
        send(Operation::kCancel, request, no_body());
    }
    orphans_.clear();
    hand_over();
}

void ClientSession::post_event(Operation operation, std::string body) {
    const Lock lock(mutex_);
    events_.push_back(Event{operation, std::move(body)});
    own_wake_.notify_all();
    if (leader_ == this) {
        signal(wake_own_);
    }
}

void ClientSession::run(const std::stop_token& stop) {
    const std::stop_callback kick(stop, [this] { signal(wake_own_); });
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
    const std::deque<Event> events = std::exchange(events_, {});
    lock.unlock();
    for (const Event& event : events) {
        sink_(event.operation, event.body);
    }
    lock.lock();
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
        // Somebody is in for a long wait: no need to look every few milliseconds whether he still is.
        call_me_ = true;
        own_wake_.wait(lock, stop, [&] { return changed() || leader_ == nullptr; });
        call_me_ = false;
    }
}

void ClientSession::reconnect(Lock& lock, const std::stop_token& stop) {
    const Hello hello{incarnation_, welcome_.store_instance, welcome_.session};
    for (milliseconds pause = kFirstPause; !stop.stop_requested();
         pause = std::min(2 * pause, kLongestPause)) {
        if (Clock::now() - disconnected_at_ > kIdleReconnect) {
            own_wake_.wait(lock, stop, [this] { return !calls_.empty(); });
        }
        const Header seen = progress();
        drain(wake_own_);
        if (stop.stop_requested()) {
            return;
        }
        lock.unlock();
        LinkFailure why;
        auto established =
            establish(target_, hello, seen, Deadline::after(kAttemptLimit), wake_own_.get(), why);
        lock.lock();
        if (established) {
            resume(std::move(*established));
            return;
        }
        if (why.is_final && !stop.stop_requested()) {
            give_up(std::move(why.status));
            return;
        }
        why_disconnected_ = why.status.message();
        own_wake_.wait_for(lock, stop, pause, [] { return false; });
    }
}

void ClientSession::say_goodbye() {
    const Lock lock(mutex_);
    if (!is_connected()) {
        return;
    }
    const Deadline deadline = Deadline::after(kGoodbyeLimit);
    send(Operation::kGoodbye, 0, no_body());
    // The store closes once it has taken note, so that what we held is free when this returns.
    while (is_connected() && !deadline.expired()) {
        pollfd polled{channel_->descriptor(),
                      static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
        ::poll(&polled, 1, deadline.poll_timeout());
        flush();
        receive();
    }
}

}  // namespace memfabric::store
