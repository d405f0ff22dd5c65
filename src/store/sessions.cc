// SPDX-License-Identifier: Apache-2.0
#include "store/sessions.h"

#include <algorithm>

#include "base/log.h"
#include "base/permanent.h"

namespace memfabric::store {
namespace {

/// What a request that waits takes beside its body, about: names are kept at several places.
constexpr uint64_t kRequestOverhead = 1024;
constexpr uint64_t kEventOverhead = 128;
/// More than threads of a process wait at once, and so more than replies that it has not got.
constexpr size_t kMostRunning = 16384;

/// Whether doing it twice does no harm, so that its reply, which may be large, need not be kept for the case
/// that it is lost.
bool is_repeatable(Operation operation) {
    return operation == Operation::kGet || operation == Operation::kFind || operation == Operation::kList;
}

}  // namespace

Result<Sessions::Opened> Sessions::open(const Hello& hello, Link& link) {
    if (hello.session == 0) {
        uint64_t id = 0;
        while (id == 0 || sessions_.contains(id)) {
            id = random_u64();
        }
        Session& session = sessions_[id];
        session.incarnation = hello.incarnation;
        session.address = link.address();
        session.link = &link;
        return Opened{id, false};
    }
    const auto found = sessions_.find(hello.session);
    if (found == sessions_.end() || !(found->second.incarnation == hello.incarnation)) {
        return failure(
            Code::kEvicted,
            "the store has given this process up for dead, since its connection was away for more than {} ms "
            "(MF_LOST_AFTER): join anew",
            lost_after_.count());
    }
    Session& session = found->second;
    if (!session.eviction.is_ok()) {
        return session.eviction;
    }
    if (Link* older = std::exchange(session.link, nullptr)) {
        older->refuse(failure(Code::kReconnect, "a newer connection has taken over this session"));
    }
    if (session.expires) {
        expiries_.erase({*session.expires, hello.session});
        session.expires.reset();
    }
    session.link = &link;
    session.address = link.address();
    return Opened{hello.session, true};
}

void Sessions::replay(uint64_t id, const Header& seen) {
    acknowledge(id, seen);
    const Session& session = sessions_.at(id);
    for (const Event& event : session.events) {
        session.link->send(Header{event.operation, 0, event.number, 0, 0}, event.body);
    }
}

void Sessions::disconnect(uint64_t id, const Link& link) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.link != &link) {
        return;
    }
    found->second.link = nullptr;
    if (found->second.eviction.is_ok()) {
        set_expiry(id, found->second, Clock::now() + lost_after_);
    }
}

void Sessions::erase(uint64_t id) {
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) {
        if (found->second.expires) {
            expiries_.erase({*found->second.expires, id});
        }
        running_ -= found->second.running.size();
        sessions_.erase(found);
    }
}

void Sessions::set_expiry(uint64_t id, Session& session, Clock::time_point when) {
    if (session.expires) {
        expiries_.erase({*session.expires, id});
    }
    session.expires = when;
    expiries_.emplace(when, id);
}

void Sessions::acknowledge(uint64_t id, const Header& header) {
    Session& session = sessions_.at(id);
    forget_replies(session.replies, header.acknowledged);
    while (!session.events.empty() && session.events.front().number <= header.events_seen) {
        session.events_bytes -= session.events.front().body->size() + kEventOverhead;
        session.events.pop_front();
    }
}

bool Sessions::begin(uint64_t id, const Header& header) {
    acknowledge(id, header);
    Session& session = sessions_.at(id);
    if (answer_again(session, header.request) || header.request < header.acknowledged ||
        session.running.contains(header.request)) {
        return false;
    }
    const uint64_t bytes = header.length + kRequestOverhead;
    if (session.running.size() >= kMostRunning || session.running_bytes + bytes > max_kept_) {
        // Its reply is not kept, since nothing was done: sent again it may be done.
        const Status full =
            failure(Code::kMallocFailed,
                    "{} requests of this process wait at the store, of {} bytes; {} and {} may "
                    "(MF_STORE_MAX_CLIENT_MEMORY): let some of its calls end first",
                    session.running.size(), session.running_bytes, kMostRunning, max_kept_);
        session.running.emplace(header.request, Running{});
        ++running_;
        fail({id, header.request}, full);
        return false;
    }
    const Clock::time_point now = Clock::now();
    session.running_bytes += bytes;
    session.running.emplace(header.request,
                            Running{bytes, !is_repeatable(header.operation), now, now + wait_notice_});
    ++running_;
    return true;
}

bool Sessions::answer_again(const Session& session, uint64_t request) {
    const Replies& replies = session.replies;
    const Header header{Operation::kReply, 0, request, 0, 0};
    if (const auto answer = replies.kept.find(request); answer != replies.kept.end()) {
        session.link->send(header, answer->second.body);
        return true;
    }
    if (replies.forgotten.contains(request)) {
        session.link->send(header, failure_body(failure(Code::kError,
                                                        "the request was carried out, but its reply was too "
                                                        "large to be kept (MF_STORE_MAX_CLIENT_MEMORY)")));
        return true;
    }
    return false;
}

void Sessions::add_reply(Replies& replies, uint64_t request, SharedBody body) const {
    replies.bytes += body->size();
    replies.kept.emplace(request, Answered{std::move(body), ++replies.last_turn});
    replies.by_turn.emplace(replies.last_turn, request);
    while (replies.bytes > max_kept_ || replies.kept.size() > kMostRunning) {
        const auto oldest = replies.kept.find(replies.by_turn.begin()->second);
        if (replies.bytes > max_kept_) {
            replies.forgotten.insert(oldest->first);
        }
        replies.bytes -= oldest->second.body->size();
        replies.kept.erase(oldest);
        replies.by_turn.erase(replies.by_turn.begin());
    }
    if (replies.forgotten.size() > kMostRunning) {
        replies.forgotten.erase(replies.forgotten.begin());
    }
}

void Sessions::forget_replies(Replies& replies, uint64_t below) {
    while (!replies.kept.empty() && replies.kept.begin()->first < below) {
        replies.bytes -= replies.kept.begin()->second.body->size();
        replies.by_turn.erase(replies.kept.begin()->second.turn);
        replies.kept.erase(replies.kept.begin());
    }
    replies.forgotten.erase(replies.forgotten.begin(), replies.forgotten.lower_bound(below));
}

bool Sessions::is_running(RequestKey request) const {
    const auto found = sessions_.find(request.session);
    return found != sessions_.end() && found->second.running.contains(request.request);
}

std::optional<Sessions::Clock::time_point> Sessions::next_expiry() const {
    return expiries_.empty() ? std::nullopt : std::optional(expiries_.begin()->first);
}

std::optional<uint64_t> Sessions::take_expired(Clock::time_point now) {
    if (expiries_.empty() || expiries_.begin()->first > now) {
        return std::nullopt;
    }
    const uint64_t id = expiries_.begin()->second;
    expiries_.erase(expiries_.begin());
    Session& session = sessions_.at(id);
    ++(session.eviction.is_ok() ? lost_ : evicted_);
    session.expires.reset();
    if (Link* link = std::exchange(session.link, nullptr)) {
        link->refuse(session.eviction);
    }
    return id;
}

void Sessions::reply(RequestKey request, SharedBody body) {
    const auto found = sessions_.find(request.session);
    if (found == sessions_.end()) {
        return;
    }
    Session& session = found->second;
    const auto running = session.running.find(request.request);
    if (running == session.running.end()) {
        return;
    }
    Reader reader(*body);
    int32_t code = 0;
    reader.get(code);
    if (code != 0) {
        ++failures_[code];
    }
    before_reply_(request.session);
    if (session.link != nullptr) {
        session.link->send(Header{Operation::kReply, 0, request.request, 0, 0}, body);
    }
    session.running_bytes -= running->second.bytes;
    if (running->second.keep_reply) {
        add_reply(session.replies, request.request, std::move(body));
    }
    session.running.erase(running);
    --running_;
}

void Sessions::notify(uint64_t id, Operation operation, SharedBody body) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    Session& session = found->second;
    if (!session.eviction.is_ok()) {
        return;  // it is being given up: what it does not take need not be kept
    }
    session.events_bytes += body->size() + kEventOverhead;
    session.events.push_back(Event{++session.last_event, operation, body});
    if (session.link != nullptr) {
        session.link->send(Header{operation, 0, session.last_event, 0, 0}, std::move(body));
    }
    if (session.events_bytes > max_kept_) {
        log_warn("config store: {} does not take its events, {} bytes wait for it: it is given up",
                 describe(id), session.events_bytes);
        evict(id,
              failure(Code::kEvicted,
                      "the store has given this process up, since it did not take its events: join anew"));
    }
}

void Sessions::notify_all(Operation operation, const std::string& body) {
    const auto shared = std::make_shared<const std::string>(body);
    for (const auto& [id, session] : sessions_) {
        notify(id, operation, shared);
    }
}

bool Sessions::is_ending(uint64_t id) const {
    const auto found = sessions_.find(id);
    return found != sessions_.end() && !found->second.eviction.is_ok();
}

void Sessions::evict(uint64_t id, const Status& why) {
    const auto found = sessions_.find(id);
    if (found != sessions_.end() && found->second.eviction.is_ok()) {
        found->second.eviction = why;
        set_expiry(id, found->second, Clock::now());
    }
}

std::string Sessions::describe(uint64_t id) const {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return "a process that is gone";
    }
    const Session& session = found->second;
    // The host's identity is a boot id, unless somebody has chosen one: the address says which machine it is.
    return fmt::format("pid {} on host {} at {}{}", session.incarnation.pid, session.incarnation.host_id,
                       session.address, is_suspect(id, Clock::now()) ? sign_text(session) : "");
}

std::optional<Sessions::Clock::time_point> Sessions::running_since(RequestKey request) const {
    const auto found = sessions_.find(request.session);
    if (found == sessions_.end()) {
        return std::nullopt;
    }
    const auto running = found->second.running.find(request.request);
    return running == found->second.running.end() ? std::nullopt : std::optional(running->second.since);
}

void Sessions::ask_for_sign(uint64_t id, Clock::time_point now) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    Session& session = found->second;
    if (!session.asked && session.link != nullptr) {
        session.asked = now;
        session.link->send(Header{Operation::kPing, 0, 0, 0, 0}, empty_body());
    } else if (is_suspect(id, now) && !std::exchange(session.was_suspect, true)) {
        log_info("config store: {} is suspect", describe(id));
    }
}

void Sessions::heard_from(uint64_t id) {
    Session& session = sessions_.at(id);
    session.asked.reset();
    if (std::exchange(session.was_suspect, false)) {
        log_info("config store: {} answers again", describe(id));
    }
}

bool Sessions::is_suspect(uint64_t id, Clock::time_point now) const {
    const auto found = sessions_.find(id);
    return found != sessions_.end() && found->second.asked && now - *found->second.asked >= suspect_after_;
}

void Sessions::report(Statistics& now) const {
    const Clock::time_point moment = Clock::now();
    for (const auto& [id, session] : sessions_) {
        ++(session.link == nullptr ? now.away : is_suspect(id, moment) ? now.suspect : now.connected);
    }
    now.lost = lost_;
    now.evicted = evicted_;
    now.failures = failures_;
    now.waiting = running_;
}

std::string Sessions::sign_text(const Session& session) const {
    const std::chrono::duration<double> silent = Clock::now() - *session.asked;
    const bool host_answers = session.link != nullptr && session.link->host_answers(suspect_after_);
    return fmt::format(", which has given no sign for {:.1f} s ({})", silent.count(),
                       host_answers ? "its host answers: it is stopped, or too busy"
                                    : "neither has its host: the link or the host is down");
}

void Sessions::tell_wait(RequestKey request, Clock::time_point now, const WaitNoticeMessage& notice) {
    const auto found = sessions_.find(request.session);
    if (found == sessions_.end() || found->second.link == nullptr) {
        return;
    }
    const auto running = found->second.running.find(request.request);
    if (running == found->second.running.end() || running->second.next_notice > now) {
        return;
    }
    running->second.next_notice = now + wait_notice_;
    const std::chrono::duration<double> waited = now - running->second.since;
    const WaitNoticeMessage told{notice.warns,
                                 fmt::format("waiting for {:.0f} s: {}", waited.count(), notice.text)};
    found->second.link->send(Header{Operation::kWaitNotice, 0, request.request, 0, 0},
                             std::make_shared<const std::string>(encode(told)));
}

const std::string& Sessions::host_of(uint64_t id) const {
    static const Permanent<std::string> none;
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? none.get() : found->second.incarnation.host_id;
}

ProcessId Sessions::process_of(uint64_t id) const {
    const auto found = sessions_.find(id);
    return found == sessions_.end()
               ? ProcessId()
               : ProcessId{found->second.incarnation.pid, found->second.incarnation.start_time};
}

bool Sessions::is_here(const std::string& host_id, const ProcessId& process) const {
    return std::ranges::any_of(sessions_, [&](const auto& entry) {
        return process_of(entry.first) == process && host_of(entry.first) == host_id;
    });
}

size_t Sessions::ask_about(const std::string& host_id, const ProcessId& process, size_t most) const {
    const auto question = std::make_shared<const std::string>(encode(process));
    size_t asked = 0;
    for (const auto& [id, session] : sessions_) {
        if (asked < most && session.link != nullptr && session.incarnation.host_id == host_id) {
            session.link->send(Header{Operation::kVouch, 0, 0, 0, 0}, question);
            ++asked;
        }
    }
    return asked;
}

bool Sessions::is_connected(uint64_t id) const {
    const auto found = sessions_.find(id);
    return found != sessions_.end() && found->second.link != nullptr;
}

}  // namespace memfabric::store
