// SPDX-License-Identifier: Apache-2.0
#include "store/client.h"

#include <future>
#include <memory>
#include <utility>

#include "base/attempt.h"
#include "store/client_handlers.h"
#include "store/client_session.h"

namespace memfabric::store {
namespace {

constexpr std::chrono::milliseconds kRollBackLimit(1000);

Status check_key(std::string_view key, const char* what) {
    if (key.empty() || key.size() > kMaxKeyLength) {
        return failure(Code::kStoreInvalidKey, "{}: it has {} bytes, 1 to {} are possible", what, key.size(),
                       kMaxKeyLength);
    }
    return {};
}

template <typename T>
Result<T> take_value(const Result<std::string>& reply) {
    if (!reply.is_ok()) {
        return reply.status();
    }
    MF_ASSIGN_OR_RETURN(Value<T> value, decode<Value<T>>(*reply));
    return std::move(value.value);
}

template <typename T>
Result<T> take_message(const Result<std::string>& reply) {
    if (!reply.is_ok()) {
        return reply.status();
    }
    return decode<T>(*reply);
}

class StoreClient : public Client {
 public:
    static Result<std::shared_ptr<Client>> open(Target target, ClientConfig config, Deadline deadline) {
        auto handlers = std::make_shared<ClientHandlers>();
        MF_ASSIGN_OR_RETURN(auto session, ClientSession::open(
                                              std::move(target), std::move(config.incarnation),
                                              [handlers](Operation operation, const std::string& body) {
                                                  handlers->deliver(operation, body);
                                              },
                                              deadline));
        return std::shared_ptr<Client>(
            std::make_shared<StoreClient>(std::move(handlers), std::move(session)));
    }

    StoreClient(std::shared_ptr<ClientHandlers> handlers, std::unique_ptr<ClientSession> session)
        : handlers_(std::move(handlers)), session_(std::move(session)) {}

    ~StoreClient() override {
        if (!session_->is_owner()) {
            // In a forked child: the session's thread is not here, its locks may be held, and its socket is
            // the parent's.
            static_cast<void>(session_.release());
        }
    }

    Status set(std::string_view key, std::string_view value, Deadline deadline) override {
        return call(Operation::kSet, key, KeyValueMessage{std::string(key), std::string(value)}, deadline,
                    "set key")
            .status();
    }

    Status set_owned(std::string_view key, std::string_view value, Deadline deadline) override {
        return call(Operation::kSetOwned, key, KeyValueMessage{std::string(key), std::string(value)},
                    deadline, "set owned key")
            .status();
    }

    Result<std::string> get(std::string_view key, Deadline deadline) override {
        return take_value<std::string>(
            call(Operation::kGet, key, KeyMessage{std::string(key)}, deadline, "get key"));
    }

    Result<std::optional<std::string>> find(std::string_view key, Deadline deadline) override {
        MF_ASSIGN_OR_RETURN(FoundMessage found,
                            take_message<FoundMessage>(call(
                                Operation::kFind, key, KeyMessage{std::string(key)}, deadline, "find key")));
        return found.exists ? std::optional(std::move(found.value)) : std::nullopt;
    }

    Result<int64_t> add(std::string_view key, int64_t delta, Deadline deadline) override {
        return take_value<int64_t>(
            call(Operation::kAdd, key, AddMessage{std::string(key), delta}, deadline, "add to key"));
    }

    Result<uint64_t> append(std::string_view key, std::string_view value, Deadline deadline) override {
        return take_value<uint64_t>(call(Operation::kAppend, key,
                                         KeyValueMessage{std::string(key), std::string(value)}, deadline,
                                         "append to key"));
    }

    Result<SwapResult> compare_and_swap(std::string_view key, std::string_view expected,
                                        std::string_view desired, Deadline deadline) override {
        const SwapMessage message{std::string(key), std::string(expected), std::string(desired)};
        return take_message<SwapResult>(
            call(Operation::kCompareAndSwap, key, message, deadline, "compare and swap key"));
    }

    Status remove(std::string_view key, Deadline deadline) override {
        return call(Operation::kRemove, key, KeyMessage{std::string(key)}, deadline, "remove key").status();
    }

    Result<uint64_t> remove_prefix(std::string_view prefix, Deadline deadline) override {
        return take_value<uint64_t>(call_any(Operation::kRemovePrefix, prefix,
                                             Value<std::string>{std::string(prefix)}, deadline,
                                             "remove keys beginning with"));
    }

    Result<std::vector<std::pair<std::string, std::string>>> list(std::string_view prefix,
                                                                  Deadline deadline) override {
        return take_value<std::vector<std::pair<std::string, std::string>>>(
            call_any(Operation::kList, prefix, Value<std::string>{std::string(prefix)}, deadline,
                     "list keys beginning with"));
    }

    Result<uint64_t> watch(std::string_view key, WatchHandler handler, Deadline deadline) override {
        const uint64_t watch = handlers_->add_watch(std::move(handler));
        const Status status = attempt([&] {
            return call(Operation::kWatch, key, WatchMessage{watch, std::string(key)}, deadline, "watch key")
                .status();
        });
        if (!status.is_ok()) {
            handlers_->remove_watch(watch);
            return status;
        }
        return watch;
    }

    Status unwatch(uint64_t watch_id, Deadline deadline) override {
        handlers_->remove_watch(watch_id);
        return call_any(Operation::kUnwatch, std::to_string(watch_id), Value<uint64_t>{watch_id}, deadline,
                        "unwatch")
            .status();
    }

    Status barrier(std::string_view group, uint32_t size, uint32_t rank, Deadline deadline) override {
        return call(Operation::kBarrier, group, RoundMessage{std::string(group), size, rank, {}}, deadline,
                    "barrier of group")
            .status();
    }

    Result<std::vector<std::string>> all_gather(std::string_view group, uint32_t size, uint32_t rank,
                                                std::string_view payload, Deadline deadline) override {
        const RoundMessage message{std::string(group), size, rank, std::string(payload)};
        MF_ASSIGN_OR_RETURN(GatheredMessage gathered,
                            take_message<GatheredMessage>(call(Operation::kAllGather, group, message,
                                                               deadline, "all_gather of group")));
        return std::move(gathered.payloads);
    }

    Result<JoinReply> join(const JoinRequest& request, MemberEventHandler handler,
                           Deadline deadline) override {
        if (!handlers_->add_group(request.group, std::move(handler))) {
            return failure(Code::kDuplicatedObject, "join group '{}': this process is a member already",
                           request.group);
        }
        Result<JoinReply> reply = attempt([&] {
            JoinRequest unique = request;
            unique.ticket = random_u64();
            auto joined = take_message<JoinReply>(
                call(Operation::kJoin, request.group, unique, deadline, "join group"));
            if (joined.is_ok()) {
                handlers_->release_group(request.group, joined->epoch, joined->told_since);
                session_->post_event(Operation::kMemberEvent, encode(MemberEventMessage{request.group, {}}));
            }
            return joined;
        });
        if (!reply.is_ok()) {
            handlers_->remove_group(request.group);
            undo(reply.status(), Operation::kLeave, request.group, deadline);
        }
        return reply;
    }

    Status leave(std::string_view group, Deadline deadline) override {
        bool again = false;
        return attempt_until(deadline, [&] {
            handlers_->remove_group(std::string(group));
            Status left =
                call(Operation::kLeave, group, KeyMessage{std::string(group)}, deadline, "leave group")
                    .status();
            // There may have been no memory for the answer that it was done.
            const bool done = std::exchange(again, true) && left.code() == Code::kObjectNotExists;
            return done ? Status() : std::move(left);
        });
    }

    Status hear_all(Deadline deadline) override {
        // What the store has told by its answer is queued for the handlers, and the marker behind it.
        MF_RETURN_IF_ERROR(
            call_any(Operation::kHearAll, "members", Value<bool>{true}, deadline, "hear of all").status());
        const auto heard = std::make_shared<std::promise<void>>();
        const uint64_t marker = handlers_->add_watch(
            [heard](std::string_view, const std::optional<std::string>&) { heard->set_value(); });
        session_->post_event(Operation::kWatchEvent, encode(WatchEventMessage{marker, {}, false, {}}));
        const std::future<void> done = heard->get_future();
        bool in_time = true;
        if (deadline.is_never()) {
            done.wait();
        } else {
            in_time = done.wait_until(deadline.when()) == std::future_status::ready;
        }
        handlers_->remove_watch(marker);
        return in_time ? Status()
                       : failure(Code::kStoreTimeout,
                                 "waiting for the handlers of config store events: one "
                                 "of them was still busy at the deadline");
    }

    Result<RankReply> assign_rank(const RankRequest& request, Deadline deadline) override {
        Result<RankReply> reply = attempt([&] {
            return take_message<RankReply>(
                call(Operation::kAssignRank, request.world, request, deadline, "rank in world"));
        });
        if (!reply.is_ok()) {
            undo(reply.status(), Operation::kReleaseRank, request.world, deadline);
        }
        return reply;
    }

    Status release_rank(std::string_view world, Deadline deadline) override {
        return call(Operation::kReleaseRank, world, KeyMessage{std::string(world)}, deadline,
                    "release rank in world")
            .status();
    }

    Result<ArenaReply> agree_arena(const ArenaOffer& offer, Deadline deadline) override {
        return take_message<ArenaReply>(
            call_any(Operation::kAgreeArena, "arena", offer, deadline, "agree on the"));
    }

    Result<WindowReply> acquire_window(const WindowRequest& request, Deadline deadline) override {
        Result<WindowReply> reply = attempt([&] {
            return take_message<WindowReply>(
                call(Operation::kAcquireWindow, request.object, request, deadline, "acquire window"));
        });
        if (!reply.is_ok()) {
            undo(reply.status(), Operation::kReleaseWindow, request.object, deadline);
        }
        return reply;
    }

    Status publish_window_holder(std::string_view object, std::string_view hand_over_address,
                                 Deadline deadline) override {
        const PublishMessage message{std::string(object), std::string(hand_over_address)};
        return call(Operation::kPublishWindowHolder, object, message, deadline, "publish holder of window")
            .status();
    }

    Status release_window(std::string_view object, Deadline deadline) override {
        return call(Operation::kReleaseWindow, object, KeyMessage{std::string(object)}, deadline,
                    "release window")
            .status();
    }

    bool is_usable() const override { return session_->is_usable(); }
    bool is_evicted() const override { return session_->is_evicted(); }
    const Endpoint& endpoint() const override { return session_->endpoint(); }
    std::string local_address() const override { return session_->local_address(); }
    uint64_t store_instance() const override { return session_->store_instance(); }

 private:
    template <typename T>
    Result<std::string> call_any(Operation operation, std::string_view name, const T& message,
                                 Deadline deadline, const char* verb) {
        return session_->call(operation, encode(message), deadline, {verb, name});
    }

    template <typename T>
    Result<std::string> call(Operation operation, std::string_view name, const T& message, Deadline deadline,
                             const char* verb) {
        MF_RETURN_IF_ERROR(check_key(name, verb));
        return call_any(operation, name, message, deadline, verb);
    }

    /// A call that took something and whose answer never came, or came when there was no memory for it: the
    /// store may have given it all the same, so it is given back.
    void undo(const Status& why, Operation operation, const std::string& name, Deadline deadline) {
        if (why.code() != Code::kStoreTimeout && why.code() != Code::kMallocFailed) {
            return;
        }
        const Deadline at_least = Deadline::after(kRollBackLimit);
        static_cast<void>(attempt_until(deadline.when() > at_least.when() ? deadline : at_least, [&] {
            const Deadline soon = Deadline::after(kRollBackLimit);
            return call(operation, name, KeyMessage{name}, soon, "give back").status();
        }));
    }

    std::shared_ptr<ClientHandlers> handlers_;
    std::unique_ptr<ClientSession> session_;
};

}  // namespace

Result<std::shared_ptr<Client>> Client::connect(ClientConfig config, Deadline deadline) {
    Target target;
    target.endpoint = config.endpoint;
    target.silent = std::chrono::milliseconds(config.options.integer(OptionId::kEvictAfter));
    const std::string context = fmt::format("config store at {}", config.endpoint.text());
    if (config.tls) {
        Result<std::shared_ptr<ssl_ctx_st>> made = make_tls_context(*config.tls, TlsRole::kClient);
        if (!made.is_ok()) {
            return made.status().with_context(context);
        }
        target.tls = std::move(made).value();
    }
    Result<std::vector<SocketAddress>> addresses = resolve(config.endpoint, deadline);
    if (!addresses.is_ok()) {
        return addresses.status().with_context(context);
    }
    target.addresses = std::move(addresses).value();
    return StoreClient::open(std::move(target), std::move(config), deadline);
}

}  // namespace memfabric::store
