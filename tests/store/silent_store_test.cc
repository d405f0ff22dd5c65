// SPDX-License-Identifier: Apache-2.0
// Whoever waits for the store itself is told so; whom a store that answers waits for, it says on its own.
#include "observe/long_wait.h"
#include "tests/store/log_lines.h"
#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {
namespace {

constexpr int64_t kNotice = 100;  // milliseconds

Options patient_store() {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kLostAfter, "1m"));
    return options;
}

class SilentStore : public ::testing::Test {
 protected:
    ~SilentStore() override { observe::wait_notice_milliseconds = before_; }

    const int64_t before_ = observe::wait_notice_milliseconds.exchange(kNotice);
    const HeardLog log_{LogLevel::kWarn};  // the level that programs begin with
    std::unique_ptr<Server> server_ = start_server(patient_store());
    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect(proxy_.endpoint());
};

TEST_F(SilentStore, OneThatIsNotThereIsToldWhileOneConnects) {
    proxy_.close_door(true);
    auto late = in_background([&] { return Client::connect(client_config(proxy_.endpoint()), soon()); });
    const std::string place = "config store at " + proxy_.endpoint().text();
    log_lines.wait_for({"waiting for 0.", place.c_str(), "the connection was closed"});
    proxy_.close_door(false);
    MF_EXPECT_OK(late.get());
}

TEST_F(SilentStore, OneThatIsAwayIsToldToACall) {
    proxy_.close_door(true);
    proxy_.cut();
    auto waiting = in_background([&] { return client_->set("key", "value", soon()); });
    const std::string place = proxy_.endpoint().text();
    log_lines.wait_for({"waiting for 0.", "set key 'key'", place.c_str(), "broke", "s ago", "closed"});
    proxy_.close_door(false);
    MF_EXPECT_OK(waiting.get());
}

TEST_F(SilentStore, OneThatDoesNotAnswerIsToldToACall) {
    proxy_.swallow_replies(true);
    auto waiting = in_background([&] { return client_->set("key", "value", soon()); });
    log_lines.wait_for({"waiting for 0.", "set key 'key'", "has given no sign for 0."});
    proxy_.swallow_replies(false);
    proxy_.cut();
    MF_EXPECT_OK(waiting.get());
}

TEST_F(SilentStore, OneThatWaitsForOthersIsNotSilent) {
    auto waiting = in_background([&] { return client_->get("key", soon()); });
    EXPECT_FALSE(waiting.wait_for(std::chrono::milliseconds(8 * kNotice)) == std::future_status::ready);
    EXPECT_FALSE(log_lines.has({"no sign"}));
    EXPECT_FALSE(log_lines.has({"broke"}));
    MF_EXPECT_OK(client_->set("key", "value", soon()));
    MF_EXPECT_OK(waiting.get());
}

TEST_F(SilentStore, ManyCallsThatWaitAreAnsweredWhileItIsTold) {
    proxy_.close_door(true);
    proxy_.cut();
    std::vector<std::future<Status>> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.push_back(
            in_background([&, i] { return client_->set("key" + std::to_string(i), "value", soon()); }));
    }
    for (int i = 0; i < 8; ++i) {
        const std::string key = "'key" + std::to_string(i) + "'";
        log_lines.wait_for({"waiting for", key.c_str(), "broke"});
    }
    proxy_.close_door(false);
    for (auto& call : waiting) {
        MF_EXPECT_OK(call.get());
    }
}

}  // namespace
}  // namespace memfabric::store::test
