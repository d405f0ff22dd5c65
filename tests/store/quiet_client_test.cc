// SPDX-License-Identifier: Apache-2.0
// A client of whom nothing is asked hears of what happens all the same, whatever was asked of it before.
#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {
namespace {

class QuietClient : public ::testing::Test {
 protected:
    void SetUp() override {
        MF_EXPECT_OK(client_->watch(
            "key", [heard = heard_](std::string_view, const auto& value) { heard.add(value.value_or("")); },
            soon()));
    }
    /// So long that the client's own thread has gone to sleep meanwhile.
    void wait_long() {
        auto waiting = in_background([this] { return client_->get("awaited", soon()); });
        EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
        MF_EXPECT_OK(other_->set("awaited", "value", soon()));
        MF_EXPECT_OK(waiting.get());
        MF_EXPECT_OK(other_->remove("awaited", soon()));
    }
    void expect_to_hear(const std::string& value) {
        MF_EXPECT_OK(other_->set("key", value, soon()));
        const std::vector<std::string> values = heard_.wait_for(++changes_);
        ASSERT_EQ(values.size(), changes_);
        EXPECT_EQ(values.back(), value);
    }

    std::unique_ptr<Server> server_ = start_server();
    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect(proxy_.endpoint(), "host-a", 1);
    std::shared_ptr<Client> other_ = connect(server_->endpoint(), "host-a", 2);
    Heard<std::string> heard_;
    size_t changes_ = 0;
};

TEST_F(QuietClient, HearsAfterALongWait) {
    wait_long();
    expect_to_hear("first");
    expect_to_hear("second");
}

TEST_F(QuietClient, HearsAfterOneLongWaitBehindTheOther) {
    for (int i = 0; i < 10; ++i) {
        wait_long();
    }
    expect_to_hear("value");
}

TEST_F(QuietClient, HearsAfterManyShortCallsBehindALongOne) {
    wait_long();
    for (int i = 0; i < 1000; ++i) {
        MF_EXPECT_OK(client_->find("nothing", soon()));
    }
    expect_to_hear("value");
}

TEST_F(QuietClient, HearsDuringALongWait) {
    auto waiting = in_background([this] { return client_->get("awaited", soon()); });
    EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
    expect_to_hear("value");
    MF_EXPECT_OK(other_->set("awaited", "value", soon()));
    MF_EXPECT_OK(waiting.get());
}

TEST_F(QuietClient, ConnectsAgainDuringALongWaitAndAfterIt) {
    auto waiting = in_background([this] { return client_->get("awaited", soon()); });
    EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
    proxy_.cut();
    MF_EXPECT_OK(other_->set("awaited", "value", soon()));
    MF_EXPECT_OK(waiting.get());
    proxy_.cut();
    expect_to_hear("value");
}

}  // namespace
}  // namespace memfabric::store::test
