// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "store/core.h"
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {

/// A client of a store's core, without sockets, that does as it likes.
class RudeClient : public Link {
 public:
    explicit RudeClient(Core& core, int64_t pid = 1) : RudeClient(core, pid, 0) {}
    RudeClient(Core& core, int64_t pid, std::string host)
        : core_(core), incarnation_{std::move(host), pid, 1, 1} {
        greet({incarnation_, 0, 0, 0});
    }
    /// Says that it is a client of an earlier start of that store.
    RudeClient(Core& core, int64_t pid, uint64_t instance) : core_(core), incarnation_{"host", pid, 1, 1} {
        greet({incarnation_, instance, instance == 0 ? 0U : 1U, instance == 0 ? 0U : 1U});
    }
    ~RudeClient() override {
        core_.disconnect(session_, *this);
        core_.expire(Sessions::Clock::time_point::max());
    }
    RudeClient(const RudeClient&) = delete;
    RudeClient& operator=(const RudeClient&) = delete;

    void send(const Header& header, SharedBody body) override {
        if (header.operation == Operation::kWelcome) {
            welcome_ = *decode<Welcome>(*body);
        } else if (header.operation == Operation::kReply) {
            Reader reader(*body);
            Outcome outcome;
            reader.get(outcome);
            last_body_ = reader.rest();
            last_ = outcome.code == 0 ? Status() : Status(static_cast<Code>(outcome.code), outcome.text);
            ++replies;
        } else if (header.operation == Operation::kWaitNotice) {
            notices.push_back(*decode<WaitNoticeMessage>(*body));
        } else {
            ++events;
            event_bytes += body->size();
        }
    }
    void refuse(const Status& why) override { refusal = why; }
    std::string address() const override { return "10.0.0.7"; }
    bool host_answers(std::chrono::milliseconds) const override { return true; }

    void greet(const Hello& hello) {
        const Result<uint64_t> opened = core_.welcome({Operation::kHello, 0, 0, 0, 0}, encode(hello), *this);
        refusal = opened.status();
        session_ = opened.is_ok() ? *opened : session_;
    }
    void come_back() {
        core_.disconnect(session_, *this);
        greet({incarnation_, welcome_.store_instance, welcome_.run, session_});
    }

    /// The reply; acknowledges what is below `acknowledged`.
    template <typename T>
    Status ask(Operation operation, const T& message, uint64_t acknowledged = 0) {
        return begin(operation, message, acknowledged).value_or(Status(Code::kTimeout, "it waits"));
    }
    /// Says that it holds something; a failure where that ends the connection.
    template <typename T>
    Status restore(Operation operation, const T& message) {
        const std::string body = encode(message);
        return core_.receive(session_, {operation, static_cast<uint32_t>(body.size()), 0, 0, 0}, body);
    }
    /// Whether the store has given it up, which it does soon.
    bool is_given_up() {
        core_.expire(Sessions::Clock::now());
        return !refusal.is_ok();
    }
    /// Nothing where the request waits.
    template <typename T>
    std::optional<Status> begin(Operation operation, const T& message, uint64_t acknowledged = 0) {
        const std::string body = encode(message);
        const uint64_t before = replies;
        MF_EXPECT_OK(core_.receive(
            session_, {operation, static_cast<uint32_t>(body.size()), ++requests, acknowledged, 0}, body));
        return replies > before ? std::optional(last_) : std::nullopt;
    }
    /// Asks for other things of the same kind until one is refused; how many were not.
    template <typename Make>
    size_t ask_until_refused(Operation operation, Make make, size_t limit, bool acknowledges = true) {
        for (size_t i = 0; i < limit; ++i) {
            const auto status = begin(operation, make(std::to_string(i)), acknowledges ? requests + 1 : 0);
            if (status && !status->is_ok()) {
                return i;
            }
        }
        return limit;
    }
    const Status& last() const { return last_; }
    /// What followed the outcome.
    const std::string& last_body() const { return last_body_; }

    uint64_t requests = 0;
    uint64_t replies = 0;
    uint64_t events = 0;
    uint64_t event_bytes = 0;
    Status refusal;
    std::vector<WaitNoticeMessage> notices;  // what it was told of its waits

 private:
    Core& core_;
    const Incarnation incarnation_;
    uint64_t session_ = 0;
    Welcome welcome_;
    Status last_;
    std::string last_body_;
};

}  // namespace memfabric::store::test
