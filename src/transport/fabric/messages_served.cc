// SPDX-License-Identifier: Apache-2.0
// How a process answers the requests that others send it.
#include "base/attempt.h"
#include "transport/fabric/messages.h"

namespace memfabric::transport {
namespace {

constexpr std::chrono::seconds kShrinkEvery{10};
constexpr size_t kMostReplies = 4096;
constexpr size_t kMostWaiting = 1024;  // requests for the thread
constexpr size_t kMostRepliers = 8192;
constexpr size_t kMostRepliersOfOne = 64;
constexpr std::chrono::seconds kKeepReplies{5};

}  // namespace

void Messenger::serve(uint32_t service, Service handler) {
    const std::scoped_lock guard(services_mutex_);
    if (handler) {
        services_[service] = std::move(handler);
    } else {
        services_.erase(service);
    }
}

Result<Messenger::Line> Messenger::replier(const Message& request, MessageEndpoint& at) {
    if (const auto life = repliers_.find(request.from); life != repliers_.end()) {
        for (const Replier& known : life->second) {
            if (known.line.endpoint == &at && known.reply_to == request.reply_to) {
                return known.line;
            }
        }
    }
    MF_ASSIGN_OR_RETURN(const fi_addr_t handle, at.insert(request.reply_to));
    if (repliers_.size() >= kMostRepliers) {
        repliers_.clear();  // whoever still asks is entered again
    }
    std::vector<Replier>& repliers = repliers_[request.from];
    if (repliers.size() >= kMostRepliersOfOne) {
        repliers.clear();
    }
    repliers.push_back({std::string(request.reply_to), {&at, handle}});
    return repliers.back().line;
}

void Messenger::on_request(const Message& message, MessageEndpoint& at) {
    ++asked_;
    AnswerBook::Novelty novelty = AnswerBook::Novelty::kNew;
    std::shared_ptr<const Answer> known;
    const bool is_ours = message.to == instance_;
    const auto quick = quick_.find(message.service);
    Reply reply{.life = message.from, .id = message.id, .service = message.service};
    std::list<Waiting> fresh;
    if (is_ours) {
        reply.room = std::make_shared<Answer>();
    }
    if (is_ours && quick == quick_.end()) {
        fresh.push_back({reply, std::string(message.payload)});
    }
    {
        const std::scoped_lock guard(mutex_);
        const auto line = replier(message, at);
        if (!line.is_ok()) {
            return;  // nobody whom we could answer
        }
        reply.to = *line;
        for (Waiting& waiting : fresh) {
            waiting.reply.to = *line;
        }
        if (is_ours && quick == quick_.end() && waiting_.size() >= kMostWaiting) {
            return;  // its sender asks again
        }
        if (is_ours) {
            novelty = book_.enter(message.from, message.id, message.oldest);
        }
        if (novelty == AnswerBook::Novelty::kAnswered) {
            known = book_.answer(message.from, message.id);
        } else if (novelty == AnswerBook::Novelty::kNew) {
            waiting_.splice(waiting_.end(), fresh);
        }
    }
    if (!is_ours) {
        static const auto another = std::make_shared<const Answer>(
            Answer{Code::kPeerLost, "the process is gone; another one is at its address now"});
        reply.answer = another;
        send_or_keep(std::move(reply));
    } else if (known != nullptr) {
        reply.answer = std::move(known);
        send_or_keep(std::move(reply));
    } else if (novelty == AnswerBook::Novelty::kNew && quick != quick_.end()) {
        answer_quickly(std::move(reply), quick->second, message.payload);
    } else if (novelty == AnswerBook::Novelty::kNew) {
        wake();
    }
}

void Messenger::answer_quickly(Reply reply, const QuickService& service, std::string_view payload) {
    Answer made;
    if (did_with_memory([&] { made = service(payload); })) {
        answer(std::move(reply), std::move(made));
    } else {
        const std::scoped_lock guard(mutex_);
        book_.forget(reply.life, reply.id);  // its sender asks again
    }
}

void Messenger::answer(Reply reply, Answer answer) {
    *reply.room = std::move(answer);
    reply.answer = reply.room;
    {
        const std::scoped_lock guard(mutex_);
        book_.answered(reply.life, reply.id, reply.answer);
    }
    send_or_keep(std::move(reply));
}

void Messenger::send_or_keep(Reply reply) {
    if (send_reply(reply)) {
        return;
    }
    reply.until = Deadline::after(kKeepReplies);
    const std::scoped_lock guard(mutex_);
    if (replies_.size() < kMostReplies) {  // else: whoever waits for it asks again
        replies_.push_back(std::move(reply));
        wake();
    }
}

bool Messenger::send_reply(const Reply& reply) {
    Message message;
    message.type = MessageType::kAnswer;
    message.service = reply.service;
    message.code = reply.answer->code;
    message.id = reply.id;
    message.from = instance_;
    message.to = reply.life;
    message.payload = reply.answer->bytes;
    return reply.to.endpoint->send(reply.to.handle, message);
}

bool Messenger::flush_replies() {
    std::deque<Reply> kept;
    {
        const std::scoped_lock guard(mutex_);
        if (replies_.empty()) {
            return false;
        }
        kept.swap(replies_);
    }
    std::erase_if(kept, [&](const Reply& reply) { return send_reply(reply) || reply.until.expired(); });
    const std::scoped_lock guard(mutex_);
    replies_.insert(replies_.begin(), std::make_move_iterator(kept.begin()),
                    std::make_move_iterator(kept.end()));
    return !replies_.empty();
}

bool Messenger::run_services() {
    for (bool any = false;; any = true) {
        std::unique_lock guard(mutex_);
        if (waiting_.empty()) {
            return any;
        }
        // It waits until it has been carried out: where there is no memory for that, the thread begins again.
        Waiting& next = waiting_.front();
        guard.unlock();
        Answer answered = run_service(next);
        Reply reply = std::move(next.reply);
        guard.lock();
        waiting_.pop_front();
        guard.unlock();
        answer(std::move(reply), std::move(answered));
    }
}

Answer Messenger::run_service(const Waiting& waiting) {
    const std::scoped_lock guard(services_mutex_);
    const auto service = services_.find(waiting.reply.service);
    if (service == services_.end()) {
        return {Code::kNotSupported,
                fmt::format("the process does not serve requests of number {} (yet, or no longer)",
                            waiting.reply.service)};
    }
    std::string bytes = service->second(waiting.payload);
    if (bytes.size() > kLargestPayload) {
        return {Code::kError,
                fmt::format("its answer of {} bytes is longer than {}", bytes.size(), kLargestPayload)};
    }
    return {Code::kOk, std::move(bytes)};
}

void Messenger::shrink_book(Deadline::Clock::time_point now) {
    if (now - shrunk_ > kShrinkEvery) {
        const std::scoped_lock guard(mutex_);
        book_.shrink(now);
        shrunk_ = now;
    }
}

}  // namespace memfabric::transport
