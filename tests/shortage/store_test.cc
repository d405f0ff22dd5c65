// SPDX-License-Identifier: Apache-2.0
// Clients of a store whose process has no memory for a moment.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "base/attempt.h"
#include "tests/shortage/shortage.h"
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

using shortage::fail_each_allocation;
using shortage::Shortage;
using std::chrono::milliseconds;

void expect_done_or_without_memory(const Status& status) {
    EXPECT_TRUE(status.is_ok() || status.code() == Code::kMallocFailed)
        << static_cast<int>(status.code()) << ": " << status.message();
}

/// What handlers have heard.
class Heard {
 public:
    void add(std::string what) {
        {
            const std::lock_guard lock(mutex_);
            heard_.insert(std::move(what));
        }
        changed_.notify_all();
    }
    bool wait_for(const std::string& what) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, soon().when(), [&] { return heard_.contains(what); });
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> heard_;
};

class StoreShortage : public ::testing::Test {
 protected:
    void SetUp() override {
        server_ = start_server();
        ASSERT_NE(server_, nullptr);
        client_ = connect(server_->endpoint());
        other_ = connect(server_->endpoint(), "host-b", 2);
        ASSERT_NE(other_, nullptr);
    }
    Heard heard_;  // what handlers write to outlives their client
    std::unique_ptr<Server> server_;
    std::shared_ptr<Client> client_;
    std::shared_ptr<Client> other_;
};

TEST_F(StoreShortage, a_call_is_done_or_fails_and_the_next_one_works) {
    const std::string value(300, 'v');
    fail_each_allocation([&] { return attempt([&] { return client_->set("key", value, soon()); }); },
                         [&](const Status& status) {
                             expect_done_or_without_memory(status);
                             MF_EXPECT_OK(client_->set("key", "again", soon()));
                             const auto read = client_->get("key", soon());
                             ASSERT_TRUE(read.is_ok()) << read.status().message();
                             EXPECT_EQ(*read, "again");
                         });
}

TEST_F(StoreShortage, what_was_added_counts_once) {
    int64_t least = 0;
    int64_t most = 0;
    fail_each_allocation([&] { return attempt([&] { return client_->add("sum", 1, soon()).status(); }); },
                         [&](const Status& status) {
                             expect_done_or_without_memory(status);
                             least += status.is_ok() ? 1 : 0;
                             ++most;
                         });
    const auto sum = other_->add("sum", 0, soon());
    ASSERT_TRUE(sum.is_ok());
    EXPECT_GE(*sum, least);
    EXPECT_LE(*sum, most);
}

TEST_F(StoreShortage, who_could_not_join_joins_later) {
    const JoinRequest request{
        .group = "group", .rank = 1, .max_members = 4, .payload = std::string(200, 'p')};
    const auto ignore = [](const MemberEvent&) {};
    const auto join = [&] { return client_->join(request, ignore, soon()).status(); };
    fail_each_allocation([&] { return attempt(join); },
                         [&](const Status& status) {
                             expect_done_or_without_memory(status);
                             if (!status.is_ok()) {
                                 MF_EXPECT_OK(join());
                             }
                             MF_EXPECT_OK(client_->leave("group", soon()));
                         });
}

TEST_F(StoreShortage, every_event_is_heard) {
    const auto watch = client_->watch(
        "watched",
        [&](std::string_view, const std::optional<std::string>& value) { heard_.add(value.value_or("")); },
        soon());
    ASSERT_TRUE(watch.is_ok()) << watch.status().message();
    int number = 0;
    const std::string long_text(100, 'x');
    fail_each_allocation(
        [&] {
            // The handler may still run when the shortage is over.
            ++number;
            return attempt(
                [&] { return other_->set("watched", long_text + std::to_string(number), soon()); });
        },
        [&](const Status& status) {
            expect_done_or_without_memory(status);
            if (status.is_ok()) {
                EXPECT_TRUE(heard_.wait_for(long_text + std::to_string(number)));
            }
        });
    MF_EXPECT_OK(client_->unwatch(*watch, soon()));
}

TEST_F(StoreShortage, members_hear_of_each_other_after_it) {
    const auto on_event = [&](const MemberEvent& event) {
        const std::string name(50, event.kind == MemberEventKind::kJoined ? 'j' : 'l');
        heard_.add(name + std::to_string(event.member.epoch));
    };
    MF_EXPECT_OK(
        client_->join({.group = "group", .rank = 0, .max_members = 4, .payload = ""}, on_event, soon()));
    const std::string joined(50, 'j');
    const std::string left(50, 'l');
    for (int round = 0; round < 5; ++round) {
        Result<JoinReply> reply = other_->join(
            {.group = "group", .rank = 1, .max_members = 4, .payload = ""}, [](const MemberEvent&) {},
            soon());
        ASSERT_TRUE(reply.is_ok()) << reply.status().message();
        EXPECT_TRUE(heard_.wait_for(joined + std::to_string(reply->epoch)));
        {
            const Shortage shortage(milliseconds(30));
            while (!attempt([&] { return other_->leave("group", soon()); }).is_ok()) {
            }
        }
        EXPECT_TRUE(heard_.wait_for(left + std::to_string(reply->epoch)));
    }
}

TEST_F(StoreShortage, a_client_outlives_one_that_lasts) {
    for (int round = 0; round < 5; ++round) {
        {
            const Shortage shortage(milliseconds(40));
            const Status status = attempt([&] { return client_->set("key", "value", soon()); });
            expect_done_or_without_memory(status);
            EXPECT_TRUE(shortage.has_struck());
        }
        MF_EXPECT_OK(client_->set("key", "value", soon()));
    }
}

TEST_F(StoreShortage, a_client_ends_within_it) {
    const Shortage shortage(milliseconds(200));
    client_.reset();
    EXPECT_TRUE(shortage.has_struck());
}

TEST_F(StoreShortage, connecting_is_done_or_fails) {
    const ClientConfig config = client_config(server_->endpoint(), "host-c", 3);
    fail_each_allocation([&] { return attempt([&] { return Client::connect(config, soon()); }).status(); },
                         expect_done_or_without_memory);
}

}  // namespace
}  // namespace memfabric::store::test
