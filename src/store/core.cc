// SPDX-License-Identifier: Apache-2.0
#include "store/core.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/log.h"
#include "base/printable.h"
#include "store/check_names.h"

namespace memfabric::store {
namespace {

constexpr uint64_t kReplyOverhead = 1024;  // bytes of a reply around the value that it carries, at most

}  // namespace

Identity new_identity() {
    Identity identity;
    identity.instance = random_u64();
    return identity;
}

Core::Core(const Options& options, Identity identity, std::shared_ptr<KeyJournal> journal)
    : identity_(std::move(identity)),
      run_(random_u64()),
      max_message_(options.size(OptionId::kStoreMaxMessage)),
      max_kept_(std::max(options.size(OptionId::kStoreMaxClientMemory), 2 * max_message_)),
      settling_(std::chrono::milliseconds(options.integer(OptionId::kStoreSettle)),
                options.size(OptionId::kStoreMaxMemory)),
      sessions_(options, max_kept_),
      watches_(sessions_),
      values_(sessions_, epochs_, options.size(OptionId::kStoreMaxMemory), max_message_ - kReplyOverhead,
              [this](const std::string& key, const std::string* value) {
                  if (!settling_.is_on()) {
                      watches_.changed(key, value);
                  }
              }),
      groups_(sessions_, epochs_, max_message_, options.size(OptionId::kStoreMaxMemory)),
      memberships_(sessions_, epochs_, max_message_),
      ranks_(sessions_, epochs_),
      windows_(sessions_, epochs_),
      vouching_(sessions_, host_identity(options)),
      evict_after_(options.integer(OptionId::kEvictAfter)) {
    sessions_.set_before_reply([this](uint64_t session) { memberships_.news().catch_up(session, false); });
    if (journal) {
        values_.keep_in(std::move(journal));
    }
    if (identity_.is_restart) {
        is_claimed_ = true;
        begin_settling();
    }
}

void Core::begin_settling() {
    log_info("config store: started again; waits for the clients of its predecessor");
    settling_.begin(Settling::Clock::now());
    epochs_.begin_settling();
    memberships_.begin_settling();
}

/// A client of an earlier start: ours, or of a store that we may take the place of.
Status Core::take_over(const Hello& hello) {
    if (hello.store_instance == identity_.instance) {
        settling_.prolong(Settling::Clock::now());
        return {};
    }
    if (is_claimed_) {
        return failure(Code::kReconnect,
                       "another config store serves this address now ({:016x}), this process belongs to the "
                       "one that was there before ({:016x}), which is gone: initialize again",
                       identity_.instance, hello.store_instance);
    }
    is_claimed_ = true;
    identity_.instance = hello.store_instance;
    identity_.keep(identity_.instance);
    values_.keep_instance(identity_.instance);
    sessions_.notify_all(Operation::kIdentity, encode(Value<uint64_t>{identity_.instance}));
    begin_settling();
    return {};
}

Result<uint64_t> Core::welcome(const Header& header, std::string_view body, Link& link) {
    if (header.operation != Operation::kHello) {
        return failure(Code::kStoreInvalidMessage, "the first message is no greeting");
    }
    MF_ASSIGN_OR_RETURN(Hello hello, decode<Hello>(body));
    if (!is_printable(hello.incarnation.host_id)) {  // it gets into the texts of others
        return failure(
            Code::kInvalidParam,
            "the identity of this process's host (MF_HOST_ID) has control characters, none may be in it");
    }
    const bool was_here = hello.session != 0 && hello.run != run_;
    if (was_here) {
        MF_RETURN_IF_ERROR(take_over(hello));
        hello.session = 0;  // a new one, in which it restores what it has
    }
    MF_ASSIGN_OR_RETURN(const Sessions::Opened opened, sessions_.open(hello, link));
    const Welcome welcome{identity_.instance, run_, opened.session, max_message_, epochs_.next()};
    link.send(Header{Operation::kWelcome, 0, 0, 0, 0}, std::make_shared<const std::string>(encode(welcome)));
    if (was_here) {
        restoring_.emplace(opened.session, 0);
    }
    if (opened.resumed) {
        sessions_.heard_from(opened.session);
        sessions_.replay(opened.session, header);
        values_.session_resumed();
        ranks_.session_resumed(opened.session);
        windows_.session_resumed(opened.session);
    }
    return opened.session;
}

Status Core::receive(uint64_t session, const Header& header, std::string_view body) {
    const RequestKey request{session, header.request};
    if (!sessions_.contains(session)) {
        return failure(Code::kEvicted, "the store has given this process up for dead: join anew");
    }
    sessions_.heard_from(session);
    ++messages_;
    if (sessions_.is_ending(session)) {
        return {};
    }
    switch (header.operation) {
        case Operation::kAcknowledge:
            sessions_.acknowledge(session, header);
            return {};
        case Operation::kGoodbye:
            end_session(session, Departure::kLeft);
            return {};
        case Operation::kCancel:
            cancel(request);
            return {};
        case Operation::kVouched: {
            MF_ASSIGN_OR_RETURN(const VouchedMessage answer, decode<VouchedMessage>(body));
            vouching_.take_answer(session, answer);
            return {};
        }
        default:
            break;
    }
    if (header.operation >= Operation::kRestoreArena && restoring_.contains(session)) {
        return restore(session, header.operation, body);
    }
    restoring_.erase(session);  // it has said what it holds
    if (!sessions_.begin(session, header)) {
        return {};
    }
    requests_.count(header.operation);
    if (settling_.is_on()) {
        if (!settling_.hold({request, header.operation, std::string(body)})) {
            sessions_.fail(request,
                           failure(Code::kMallocFailed,
                                   "the store was started again, waits for its clients, and can hold back no "
                                   "further request (MF_STORE_MAX_MEMORY)"));
        }
        return {};
    }
    is_claimed_ = true;
    Reader reader(body);
    return dispatch(request, header.operation, reader);
}

template <typename T, typename Action>
Status Core::with(RequestKey request, Reader& reader, Action action) {
    T message;
    reader.get(message);
    MF_RETURN_IF_ERROR(reader.finish());
    if (const Status status = check_names(message); !status.is_ok()) {
        sessions_.fail(request, status);
        return {};
    }
    action(std::move(message));
    return {};
}

Status Core::dispatch_keys(RequestKey request, Operation operation, Reader& reader) {
    switch (operation) {
        case Operation::kSet:
            return with<KeyValueMessage>(request, reader,
                                         [&](auto m) { values_.set(request, std::move(m)); });
        case Operation::kSetOwned:
            return with<KeyValueMessage>(request, reader,
                                         [&](auto m) { values_.set_owned(request, std::move(m)); });
        case Operation::kGet:
            return with<KeyMessage>(request, reader, [&](auto&& m) { values_.get(request, m); });
        case Operation::kFind:
            return with<KeyMessage>(request, reader, [&](auto&& m) { values_.find(request, m); });
        case Operation::kAdd:
            return with<AddMessage>(request, reader, [&](auto&& m) { values_.add(request, m); });
        case Operation::kAppend:
            return with<KeyValueMessage>(request, reader, [&](auto&& m) { values_.append(request, m); });
        case Operation::kCompareAndSwap:
            return with<SwapMessage>(request, reader,
                                     [&](auto m) { values_.compare_and_swap(request, std::move(m)); });
        case Operation::kRemove:
            return with<KeyMessage>(request, reader, [&](auto&& m) { values_.remove(request, m); });
        case Operation::kRemovePrefix:
            return with<Value<std::string>>(
                request, reader, [&](auto&& m) { values_.remove_prefix(request, KeyMessage{m.value}); });
        case Operation::kList:
            return with<Value<std::string>>(request, reader,
                                            [&](auto&& m) { values_.list(request, KeyMessage{m.value}); });
        case Operation::kWatch:
            return with<WatchMessage>(request, reader,
                                      [&](auto&& m) { watches_.watch(request, m, values_.value_of(m.key)); });
        case Operation::kUnwatch:
            return with<Value<uint64_t>>(request, reader,
                                         [&](auto&& m) { watches_.unwatch(request, m.value); });
        default:
            return failure(Code::kStoreInvalidMessage, "operation {} is unknown",
                           static_cast<int>(operation));
    }
}

Status Core::dispatch_groups(RequestKey request, Operation operation, Reader& reader) {
    switch (operation) {
        case Operation::kJoin:
            return with<JoinRequest>(request, reader, [&](auto&& m) {
                if (memberships_.join(request, m)) {
                    groups_.note_participant(m.group, m.rank, request.session);
                }
            });
        case Operation::kLeave:
            return with<KeyMessage>(request, reader, [&](auto&& m) {
                memberships_.leave(request, m.key);
                groups_.leave(m.key, request.session);
            });
        case Operation::kHearAll:
            return with<Value<bool>>(request, reader, [&](auto&&) {
                memberships_.news().catch_up(request.session, true);
                sessions_.succeed(request);
            });
        case Operation::kAssignRank:
            return with<RankRequest>(request, reader, [&](auto m) { ranks_.assign(request, std::move(m)); });
        case Operation::kReleaseRank:
            return with<KeyMessage>(request, reader, [&](auto&& m) { ranks_.release(request, m.key); });
        case Operation::kAgreeArena:
            return with<ArenaOffer>(request, reader, [&](auto&& m) { windows_.agree_arena(request, m); });
        case Operation::kAcquireWindow:
            return with<WindowRequest>(request, reader, [&](auto&& m) { windows_.acquire(request, m); });
        case Operation::kPublishWindowHolder:
            return with<PublishMessage>(request, reader, [&](auto&& m) { windows_.publish(request, m); });
        case Operation::kReleaseWindow:
            return with<KeyMessage>(request, reader, [&](auto&& m) { windows_.release(request, m.key); });
        default:
            return dispatch_keys(request, operation, reader);
    }
}

Status Core::dispatch(RequestKey request, Operation operation, Reader& reader) {
    switch (operation) {
        case Operation::kBarrier:
            return with<RoundMessage>(
                request, reader, [&](auto m) { groups_.arrive(request, RoundKind::kBarrier, std::move(m)); });
        case Operation::kAllGather:
            return with<RoundMessage>(request, reader, [&](auto m) {
                groups_.arrive(request, RoundKind::kAllGather, std::move(m));
            });
        default:
            return dispatch_groups(request, operation, reader);
    }
}

Statistics Core::statistics() const {
    Statistics now;
    sessions_.report(now);
    now.keys = values_.count();
    now.key_bytes = values_.memory();
    now.messages = messages_;
    now.requests = requests_;
    now.barriers = groups_.open_rounds(RoundKind::kBarrier);
    now.all_gathers = groups_.open_rounds(RoundKind::kAllGather);
    now.is_settling = settling_.is_on();
    return now;
}

void Core::cancel(RequestKey request) {
    if (!sessions_.is_running(request)) {
        return;  // the answer is on its way
    }
    if (settling_.cancel(request)) {
        sessions_.fail(request, failure(Code::kStoreTimeout,
                                        "the store was started again and still waited for its clients at the "
                                        "deadline (MF_STORE_SETTLE){}",
                                        vouching_.text()));
        return;
    }
    std::optional<Status> status = values_.cancel(request);
    status = status ? status : groups_.cancel(request);
    status = status ? status : ranks_.cancel(request);
    status = status ? status : windows_.cancel(request);
    sessions_.fail(request, status.value_or(failure(Code::kTimeout, "the deadline passed")));
}

void Core::end_session(uint64_t session, Departure departure) {
    if (departure == Departure::kLost) {
        log_info("config store: {} was lost", sessions_.describe(session));
    }
    settling_.end_session(session);
    restoring_.erase(session);
    watches_.end_session(session);
    values_.end_session(session);
    // Before the rounds that fail: whoever has that answer knows who is gone.
    memberships_.end_session(session, departure);
    groups_.end_session(session, departure);
    ranks_.end_session(session);
    windows_.end_session(session);
    sessions_.erase(session);
}

void Core::expire(Sessions::Clock::time_point now) {
    while (const std::optional<uint64_t> session = sessions_.take_expired(now)) {
        end_session(*session, Departure::kLost);
    }
    if (settling_.is_on() && *settling_.ends() <= now && is_settled(now)) {
        settle();
    }
    memberships_.news().tell_due(now);
}

std::optional<Sessions::Clock::time_point> Core::next_expiry() const {
    std::optional<Sessions::Clock::time_point> next;
    for (const auto& when : {sessions_.next_expiry(), settling_.ends(), memberships_.news().next_due()}) {
        next = !when ? next : next ? std::min(next, when) : when;
    }
    return next;
}

void Core::tend_waits(Sessions::Clock::time_point now) {
    std::vector<WaitReport> reports;
    values_.report_waits(reports);
    groups_.report_waits(reports);
    ranks_.report_waits(reports);
    windows_.report_waits(reports);
    for (const WaitReport& report : reports) {
        tend(report, now);
    }
}

void Core::tend(const WaitReport& report, Sessions::Clock::time_point now) {
    const bool is_long = std::ranges::any_of(report.waiters, [&](RequestKey request) {
        const auto since = sessions_.running_since(request);
        return since && now - *since >= wait_period();
    });
    if (!is_long) {
        return;
    }
    WaitNoticeMessage notice{false, report.what};
    bool has_suspect = false;
    for (const WaitReport::Awaited& awaited : report.awaited) {
        sessions_.ask_for_sign(awaited.session, now);
        has_suspect = has_suspect || sessions_.is_suspect(awaited.session, now);
        notice.text += fmt::format("; {} is {}", awaited.name, sessions_.describe(awaited.session));
    }
    // A thousand ranks that wait for the same late one shall not say so as loudly each.
    std::set<std::string_view> hosts;
    for (const RequestKey request : report.waiters) {
        const bool is_first_of_host = hosts.insert(sessions_.host_of(request.session)).second;
        notice.warns = has_suspect || is_first_of_host;
        sessions_.tell_wait(request, now, notice);
    }
}

}  // namespace memfabric::store
