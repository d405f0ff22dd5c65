// SPDX-License-Identifier: Apache-2.0
// The connection: what is sent and what comes.
#include <algorithm>

#include "base/attempt.h"
#include "store/client_session.h"

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kEventsPerAcknowledgement = 32;
constexpr uint64_t kBytesPerAcknowledgement = uint64_t{64} * 1024;

}  // namespace

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
    outgoing_.push_back(Outgoing{encode_header(header), std::move(body), 0});
    events_acknowledged_ = events_seen_;
    events_bytes_ = 0;
    if (outgoing_.size() > 1) {
        return;
    }
    flush();
    if (!outgoing_.empty() && leader_ != nullptr) {
        (leader_ == this ? wake_own_ : wake_leader_).signal();
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
    if (!did_with_memory([this] { channel_->expect_memory(); })) {
        is_starved_ = true;  // it stays where it is
        return;
    }
    const bool done = did_with_memory([this] {
        while (!outgoing_.empty() && write_some(outgoing_.front())) {
            if (outgoing_.front().sent == kHeaderSize + outgoing_.front().body->size()) {
                outgoing_.pop_front();
            }
        }
    });
    if (!done) {
        channel_->abort();  // as where writing fails
    }
}

void ClientSession::receive() {
    for (bool may_have_more = true; may_have_more && is_connected();) {
        take_unread();
        if (!is_connected()) {
            return;
        }
        channel_->expect_memory();
        const IoResult result = channel_->read(scratch_);
        if (result.state == IoState::kWantRead || result.state == IoState::kWantWrite) {
            return;
        }
        if (result.state != IoState::kDone) {
            disconnect({Code::kStoreSocket, result.reason.empty() ? "the store closed it" : result.reason});
            return;
        }
        is_asked_ = false;
        unread_ = {scratch_.data(), result.bytes};
        may_have_more = result.bytes == scratch_.size() || channel_->has_buffered();
    }
    take_unread();
}

/// Where there is no memory for it, what was not dealt with stays in `unread_` or `incoming_`.
void ClientSession::take_unread() {
    if (!incoming_.empty()) {
        incoming_.append(unread_);
        unread_ = {};
        consume(incoming_, [this](size_t used) { incoming_.erase(0, used); });
        return;
    }
    consume(unread_, [this](size_t used) { unread_.remove_prefix(std::min(used, unread_.size())); });
    incoming_.assign(unread_);
    unread_ = {};
}

/// Takes whole messages; `drop` is told how many of the bytes these were, also where memory ran out.
void ClientSession::consume(std::string_view bytes, const std::function<void(size_t)>& drop) {
    size_t used = 0;
    const bool had_memory = did_with_memory([&] {
        for (size_t size = 1; size != 0 && is_connected(); used += size) {
            size = take_message(bytes.substr(used));
        }
    });
    drop(used);
    if (!had_memory) {
        throw std::bad_alloc();
    }
}

/// The bytes that it had; 0 where it is not whole yet.
size_t ClientSession::take_message(std::string_view bytes) {
    if (bytes.size() < kHeaderSize) {
        return 0;
    }
    // A reply carries up to a whole message and the outcome in front of it.
    const Result<Header> header = decode_header(bytes, max_message_ + kMaxHandshakeMessage);
    if (!header.is_ok()) {
        give_up(header.status().with_context(fmt::format("config store at {}", target_.endpoint.text())));
        return 0;
    }
    const size_t size = kHeaderSize + header->length;
    if (bytes.size() < size) {
        return 0;
    }
    dispatch(*header, bytes.substr(kHeaderSize, header->length));
    return size;
}

void ClientSession::dispatch(const Header& header, std::string_view body) {
    switch (header.operation) {
        case Operation::kReply:
            take_reply(header.request, body);
            return;
        case Operation::kWatchEvent:
        case Operation::kMemberEvent:
        case Operation::kIdentity:
            take_event(header, body);
            return;
        case Operation::kPing:
            send(Operation::kAcknowledge, 0, empty_body());
            return;
        case Operation::kVouch:
            if (const Result<ProcessId> process = decode<ProcessId>(body); process.is_ok()) {
                const VouchedMessage answer{*process, process->is_stopped()};
                send(Operation::kVouched, 0, std::make_shared<const std::string>(encode(answer)));
            }
            return;
        case Operation::kWaitNotice:
            if (calls_.contains(header.request)) {
                events_.push_back(Event{header.operation, std::string(body)});
                wake_own_thread();
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

void ClientSession::take_reply(uint64_t request, std::string_view body) {
    const auto found = calls_.find(request);
    if (found == calls_.end()) {
        std::erase(orphans_, request);
        return;
    }
    Call& call = *found->second;
    std::string reply(body);
    Reader reader(body);
    Outcome outcome;
    reader.get(outcome);
    if (!reader.failed() && outcome.code == 0) {
        holdings_.note(call.operation, *call.body, reader.rest());
    }
    if (call.abandoned) {
        calls_.erase(found);
        return;
    }
    call.reply = std::move(reply);
    if (call.asleep) {
        call.wake.notify_one();
    }
}

void ClientSession::take_event(const Header& header, std::string_view body) {
    if (header.request > events_seen_) {
        if (header.operation == Operation::kIdentity) {
            const Result<Value<uint64_t>> identity = decode<Value<uint64_t>>(body);
            welcome_.store_instance = identity.is_ok() ? identity->value : welcome_.store_instance;
        } else {
            holdings_.note_event(header.operation, body);
            events_.push_back(Event{header.operation, std::string(body)});
            wake_own_thread();
        }
        events_seen_ = header.request;  // only now: what there was no memory for comes again
        events_bytes_ += body.size();
    }
    if (events_seen_ - events_acknowledged_ >= kEventsPerAcknowledgement ||
        events_bytes_ >= kBytesPerAcknowledgement) {
        send(Operation::kAcknowledge, 0, empty_body());
    }
}

void ClientSession::disconnect(Status why) {
    channel_.reset();
    outgoing_.clear();
    incoming_.clear();
    unread_ = {};
    is_starved_ = false;
    is_asked_ = false;
    why_disconnected_ = std::move(why);
    disconnected_at_ = Clock::now();
    leader_ = nullptr;
    wake_own_thread();
    static_cast<void>(did_with_memory([this] {
        log_info("config store at {}: the connection broke: {}", target_.endpoint.text(),
                 why_disconnected_.message());
    }));
}

void ClientSession::give_up(Status why) {
    // A store that was stopped in good order is how most programs end.
    log(why.code() == Code::kStoreSocket ? LogLevel::kInfo : LogLevel::kWarn, "{}", why.message());
    disconnect(why);
    is_evicted_ = why.code() == Code::kEvicted;
    given_up_ = std::move(why);
    orphans_.clear();
    for (const auto& [request, call] : calls_) {
        call->wake.notify_one();
    }
}

/// All that a new connection begins with; nothing of the session changes.
std::deque<ClientSession::Outgoing> ClientSession::backlog(bool with_holdings) {
    std::deque<Outgoing> backlog;
    const auto add = [&](Operation operation, uint64_t request, SharedBody body) {
        Header header = progress();
        header.operation = operation;
        header.request = request;
        header.length = static_cast<uint32_t>(body->size());
        header.events_seen = with_holdings ? 0 : events_seen_;
        backlog.push_back(Outgoing{encode_header(header), std::move(body), 0});
    };
    if (with_holdings) {
        std::vector<OpenRound> open;
        for (const auto& [request, call] : calls_) {
            if (call->sent &&
                (call->operation == Operation::kBarrier || call->operation == Operation::kAllGather)) {
                open.push_back({request, call->operation, *call->body});
            }
        }
        for (auto& [operation, body] : holdings_.messages(open, first_epoch_)) {
            add(operation, 0, std::make_shared<const std::string>(std::move(body)));
        }
    }
    for (const auto& [request, call] : calls_) {
        add(call->operation, request, call->body);
        if (call->overdue && !call->gives_back()) {
            add(Operation::kCancel, request, empty_body());
        }
    }
    // A store that was started again does not know them.
    for (size_t i = 0; !with_holdings && i < orphans_.size(); ++i) {
        add(Operation::kCancel, orphans_[i], empty_body());
    }
    return backlog;
}

void ClientSession::resume(Established established) {
    const bool is_restarted = established.welcome.run != welcome_.run;
    outgoing_ = backlog(is_restarted);
    if (is_restarted) {
        log_info("config store at {}: it was started again; tells it what this process holds",
                 target_.endpoint.text());
        welcome_ = established.welcome;
        events_seen_ = 0;
    } else {
        log_info("config store at {}: connected again", target_.endpoint.text());
    }
    for (const auto& [request, call] : calls_) {
        call->sent = true;
    }
    events_acknowledged_ = events_seen_;
    events_bytes_ = 0;
    orphans_.clear();
    channel_.emplace(std::move(established.channel));
    flush();
    hand_over();
}

}  // namespace memfabric::store
