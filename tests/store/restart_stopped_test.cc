// SPDX-License-Identifier: Apache-2.0
// A store that was started again, and a process that lives and cannot come back: it is stopped, say.
#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

/// Two members of a group on one host; the second one's connections are held up, its process is this one.
class Stopped : public ::testing::Test {
 protected:
    void begin(MortalStore& store) {
        first_ = store.client("host-a", 1);
        second_ = store.client("host-a", ::getpid());
        const auto listener = [this](const MemberEvent& event) { heard_.add(event); };
        MF_EXPECT_OK(first_->join({"group", 0, 2, ""}, listener, soon()));
        MF_EXPECT_OK(second_->join({"group", 1, 2, ""}, ignore_events, soon()));
        ASSERT_EQ(heard_.wait_for(1).size(), 1U);
        store.kill();
        store.start();
        store.proxy(0).close_door(false);
    }
    Heard<MemberEvent> heard_;  // outlives who writes to it
    std::shared_ptr<Client> first_;
    std::shared_ptr<Client> second_;
};

TEST_F(Stopped, WhoLivesIsWaitedFor) {
    MortalStore store(MortalStore::settling("100ms"));
    begin(store);
    MF_EXPECT_FAILURE(first_->set("key", "value", Deadline::after_seconds(1)), Code::kStoreTimeout,
                      "started again", "on host host-a has not come back and lives");
    store.proxy(1).close_door(false);
    MF_EXPECT_OK(second_->set("key", "value", soon()));
    auto other = in_background([this] { return second_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(first_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(other.get());
    EXPECT_EQ(heard_.wait_for(1).size(), 1U);
}

TEST_F(Stopped, NotForEver) {
    Options options = MortalStore::settling("100ms");
    MF_EXPECT_OK(options.set(OptionId::kEvictAfter, "500ms"));
    MortalStore store(options);
    begin(store);
    const std::vector<MemberEvent> events = heard_.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    MF_EXPECT_OK(first_->set("key", "value", soon()));
}

TEST_F(Stopped, WhoHasEndedIsLost) {
    MortalStore store(MortalStore::settling("100ms"));
    first_ = store.client("host-a", 1);
    second_ = store.client("host-a", 2);  // no process of that number began when this one did
    const auto listener = [this](const MemberEvent& event) { heard_.add(event); };
    MF_EXPECT_OK(first_->join({"group", 0, 2, ""}, listener, soon()));
    MF_EXPECT_OK(second_->join({"group", 1, 2, ""}, ignore_events, soon()));
    store.kill();
    store.start();
    store.proxy(0).close_door(false);
    const std::vector<MemberEvent> events = heard_.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
}

}  // namespace
}  // namespace memfabric::store::test
