// SPDX-License-Identifier: Apache-2.0
// Clients that speak TLS with their store, in a process that gets no more memory but small pieces.
#include <chrono>
#include <future>
#include <optional>

#include "tests/shortage/shortage.h"
#include "tests/store/store_fixture.h"
#include "tests/store/tcp_proxy.h"
#include "tests/store/tls_fixture.h"

namespace memfabric::store::test {
namespace {

using shortage::LibraryShortage;
using shortage::Shortage;

constexpr size_t kLarge = 1024;  // OpenSSL's buffers are larger; what a request takes is not
// Several times that after which a store gives up a process whose connection broke (MF_LOST_AFTER).
constexpr std::chrono::milliseconds kLong{500};

class TlsShortage : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!LibraryShortage::is_possible()) {
            GTEST_SKIP() << "a sanitizer has the allocation functions";
        }
        server_ = start_at({"127.0.0.1", 0}, {}, pki_.settings("server")).value();
        way_.emplace(server_->endpoint());
        client_ = connect_to(way_->endpoint(), 1);
    }
    Result<std::shared_ptr<Client>> try_to_connect(const Endpoint& endpoint, int64_t pid,
                                                   Deadline deadline) const {
        ClientConfig config = client_config(endpoint, "host-a", pid);
        config.tls = pki_.settings("client");
        return Client::connect(std::move(config), deadline);
    }
    std::shared_ptr<Client> connect_to(const Endpoint& endpoint, int64_t pid) const {
        return try_to_connect(endpoint, pid, soon()).value();
    }

    TemporaryFolder folder_;
    Pki pki_{folder_ / "pki"};
    std::unique_ptr<Server> server_;
    std::optional<TcpProxy> way_;  // which counts the client's connections
    std::shared_ptr<Client> client_;
};

TEST_F(TlsShortage, what_is_to_be_sent_waits_for_memory) {
    {
        const Shortage shortage = Shortage::of_large(kLarge);
        const LibraryShortage of_tls(shortage::kOpenSsl, 0, kLarge);
        EXPECT_FALSE(client_->set("key", "early", Deadline::after(kLong)).is_ok());
        EXPECT_TRUE(shortage.has_struck());
    }
    MF_EXPECT_OK(client_->set("key", "late", soon()));
    EXPECT_EQ(way_->accepted(), 1U);
}

TEST_F(TlsShortage, what_the_store_says_waits_for_memory) {
    TcpProxy others_way(server_->endpoint());
    const auto other = connect_to(others_way.endpoint(), 2);
    const Heard<MemberEvent> heard;
    const JoinRequest join{.group = "group", .rank = 0, .max_members = 2, .payload = ""};
    const JoinRequest other_joins{.group = "group", .rank = 1, .max_members = 2, .payload = ""};
    MF_EXPECT_OK(client_->join(join, heard.listener(), soon()));
    MF_EXPECT_OK(other->join(
        other_joins, [](const MemberEvent&) {}, soon()));
    ASSERT_EQ(heard.wait_for(1).size(), 1U);
    others_way.close_door(true);
    {
        const Shortage shortage = Shortage::of_large(kLarge);
        const LibraryShortage of_tls(shortage::kOpenSsl, 0, kLarge);
        others_way.cut();
        // Until its deadline, before which the store gives this one up and says so to the client.
        EXPECT_FALSE(other->set("key", "never", Deadline::after(kLong)).is_ok());
    }
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    EXPECT_EQ(way_->accepted(), 1U);
}

/// Whatever OpenSSL makes of it: that certificates do not fit, that a handshake went wrong.
TEST_F(TlsShortage, who_connects_says_that_memory_is_short) {
    const auto deadline = std::chrono::milliseconds(200);
    uint64_t last = 0;  // within the handshake
    for (uint64_t after = 0;; after += 1 + after / 8) {
        ASSERT_LT(after, 10'000'000U);
        const LibraryShortage of_tls(shortage::kOpenSsl, after, kLarge);
        const auto made = try_to_connect(server_->endpoint(), 2, Deadline::after(deadline));
        if (!LibraryShortage::has_struck()) {
            break;
        }
        last = after;
        const Code code = made.status().code();
        EXPECT_TRUE(made.is_ok() || code == Code::kMallocFailed || code == Code::kStoreTimeout)
            << after << ": " << made.status().message();
    }
    last -= last / 16;  // how often OpenSSL allocates differs a little from one time to the next
    std::optional<LibraryShortage> of_tls(std::in_place, shortage::kOpenSsl, last, kLarge);
    auto made =
        std::async(std::launch::async, [&] { return try_to_connect(server_->endpoint(), 2, soon()); });
    EXPECT_EQ(made.wait_for(kLong), std::future_status::timeout);
    EXPECT_TRUE(LibraryShortage::has_struck());
    of_tls.reset();
    MF_EXPECT_OK(made.get());
}

}  // namespace
}  // namespace memfabric::store::test
