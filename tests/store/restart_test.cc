// SPDX-License-Identifier: Apache-2.0
// A store that was killed and started again is told by its clients what they hold.
#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

constexpr uint64_t kBase = 0x200000000000;
const ArenaOffer kArena{1 << 30, {kBase, 2 * kBase}};
const WindowRequest kWindow{"bm/1", 2 << 20, 4, "shape"};

TEST(Restart, OwnedKeysLiveOn) {
    MortalStore store;
    const auto owner = store.client();
    MF_EXPECT_OK(owner->set_owned("mine", "first", soon()));
    MF_EXPECT_OK(owner->set("mine", "1", soon()));
    EXPECT_EQ(owner->add("mine", 2, soon()).value(), 3);
    MF_EXPECT_OK(owner->append("mine", "4", soon()));
    MF_EXPECT_OK(owner->set_owned("removed", "value", soon()));
    MF_EXPECT_OK(owner->remove("removed", soon()));
    store.restart();
    const auto other = connect(store.endpoint());
    EXPECT_EQ(other->get("mine", soon()).value(), "34");
    EXPECT_EQ(other->find("removed", soon()).value(), std::nullopt);
    MF_EXPECT_FAILURE(other->set("mine", "stolen", soon()), Code::kDuplicatedObject, "mine", "pid 1");
    MF_EXPECT_OK(owner->set("mine", "5", soon()));
    EXPECT_EQ(other->get("mine", soon()).value(), "5");
}

TEST(Restart, TheIdentityOfTheStoreStays) {
    MortalStore store;
    const auto client = store.client();
    const uint64_t before = client->store_instance();
    for (int i = 0; i < 3; ++i) {
        store.restart();
        MF_EXPECT_OK(client->set("key", "value", soon()));
        EXPECT_EQ(client->store_instance(), before);
        EXPECT_EQ(connect(store.endpoint())->store_instance(), before);
    }
}

TEST(Restart, AStoreThatEndedInGoodOrderIsAnotherOneAfterwards) {
    MortalStore store;
    const uint64_t before = connect(store.endpoint())->store_instance();
    store.stop();
    EXPECT_FALSE(std::filesystem::exists(store.identity_file()));
    store.start();
    EXPECT_NE(connect(store.endpoint())->store_instance(), before);
}

TEST(Restart, RanksLiveOn) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-a", 2);
    auto waiting = in_background([&] { return first->assign_rank({"bm", 2, false, {}, 0}, soon()); });
    const uint32_t rank = second->assign_rank({"bm", 2, false, {}, 1}, soon()).value().rank;
    EXPECT_EQ(rank + waiting.get().value().rank, 1U);
    store.restart();
    const auto late = connect(store.endpoint(), "host-a", 3);
    MF_EXPECT_FAILURE(late->assign_rank({"bm", 2, false, {}, 0}, soon()), Code::kRefused, "all are taken");
    MF_EXPECT_FAILURE(late->assign_rank({"bm", 2, false, rank, 0}, soon()), Code::kDuplicatedObject, "pid 2");
    MF_EXPECT_FAILURE(second->assign_rank({"bm", 2, false, {}, 0}, soon()), Code::kRepeatCall);
    MF_EXPECT_OK(second->release_rank("bm", soon()));
    EXPECT_EQ(late->assign_rank({"bm", 2, false, {}, 0}, soon()).value().rank, rank);
}

TEST(Restart, NobodyGetsARankBeforeItsHolderIsBack) {
    MortalStore store;
    const auto holder = store.client();
    EXPECT_EQ(holder->assign_rank({"bm", 4, true, {}, 0}, soon()).value().rank, 0U);
    store.kill();
    store.start();
    auto early = in_background([endpoint = store.endpoint()] {
        return connect(endpoint, "host-a", 2)->assign_rank({"bm", 4, true, {}, 0}, soon());
    });
    store.open_doors();
    EXPECT_EQ(early.get().value().rank, 1U);
}

TEST(Restart, MembersAreTheSameAndHearNothing) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-b", 2);
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first->join({"group", 0, 4, "zero"}, heard.listener(), soon()));
    const uint64_t epoch = second->join({"group", 1, 4, "one"}, ignore_events, soon()).value().epoch;
    ASSERT_EQ(heard.wait_for(1).size(), 1U);
    store.restart();
    const auto late = connect(store.endpoint(), "host-c", 3);
    const JoinReply reply = late->join({"group", 2, 4, "two"}, ignore_events, soon()).value();
    ASSERT_EQ(reply.members.size(), 3U);
    EXPECT_EQ(reply.members[0].payload, "zero");
    EXPECT_EQ(reply.members[1].payload, "one");
    EXPECT_EQ(reply.members[1].host_id, "host-b");
    EXPECT_EQ(reply.members[1].epoch, epoch);
    EXPECT_GT(reply.epoch, epoch);
    // Of the restart the first one hears nothing: the next that it hears of is the late one.
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kJoined);
    EXPECT_EQ(events[1].member.rank, 2U);
    MF_EXPECT_FAILURE(late->join({"group", 1, 4, ""}, ignore_events, soon()), Code::kDuplicatedObject);
}

TEST(Restart, WhoDiesWhileTheStoreIsAwayIsLost) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    auto second = store.client("host-a", 2);
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first->assign_rank({"bm", 2, false, 0, 0}, soon()));
    MF_EXPECT_OK(second->assign_rank({"bm", 2, false, 1, 0}, soon()));
    MF_EXPECT_OK(first->join({"group", 0, 2, ""}, heard.listener(), soon()));
    const uint64_t epoch = second->join({"group", 1, 2, ""}, ignore_events, soon()).value().epoch;
    auto waiting = in_background([&] { return first->barrier("group", 2, 0, soon()); });
    ASSERT_EQ(heard.wait_for(1).size(), 1U);
    store.kill();
    second.reset();
    store.start();
    store.open_doors();
    MF_EXPECT_FAILURE(waiting.get(), Code::kPeerLost, "rank 1", "while the config store was away");
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    EXPECT_EQ(events[1].member.rank, 1U);
    EXPECT_EQ(events[1].member.epoch, epoch);
    // Its rank is its successor's.
    const auto successor = connect(store.endpoint(), "host-a", 3);
    EXPECT_EQ(successor->assign_rank({"bm", 2, false, 1, 0}, soon()).value().rank, 1U);
    EXPECT_GT(successor->join({"group", 1, 2, ""}, ignore_events, soon()).value().epoch, epoch);
    auto again = in_background([&] { return successor->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(first->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(again.get());
}

TEST(Restart, WhoComesBackTooLateIsEvicted) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-a", 2);
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first->join({"group", 0, 2, ""}, heard.listener(), soon()));
    MF_EXPECT_OK(second->join({"group", 1, 2, ""}, ignore_events, soon()));
    store.kill();
    store.start();
    store.proxy(0).close_door(false);
    ASSERT_EQ(heard.wait_for(2).size(), 2U);  // joined, lost
    store.proxy(1).close_door(false);
    MF_EXPECT_FAILURE(second->set("key", "value", soon()), Code::kEvicted, "MF_STORE_SETTLE", "join anew");
    EXPECT_TRUE(second->is_evicted());
    MF_EXPECT_OK(first->set("key", "value", soon()));
}

TEST(Restart, WhoComesLateAndWasNotMissedLivesOn) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-a", 2);
    MF_EXPECT_OK(second->set_owned("mine", "value", soon()));
    store.kill();
    store.start();
    store.proxy(0).close_door(false);
    MF_EXPECT_OK(first->set("key", "value", soon()));  // the store has settled
    auto waiting = in_background([&] { return first->get("mine", soon()); });
    store.proxy(1).close_door(false);
    EXPECT_EQ(waiting.get().value(), "value");
}

/// One that was given up by the store and does not know it, since the store died before it could be told;
/// and its successor, which has taken what it had.
class Successor : public ::testing::Test {
 protected:
    void SetUp() override {
        for (const auto& client : {older_, newer_}) {
            MF_EXPECT_OK(client->agree_arena(kArena, soon()));
        }
        take_all(older_);
        store_.proxy(0).close_door(true);
        store_.proxy(0).cut();
        take_all(newer_);
        store_.kill();
        store_.start();
    }
    static void take_all(const std::shared_ptr<Client>& client) {
        MF_EXPECT_OK(client->assign_rank({"bm", 1, false, 0, 0}, soon()));
        MF_EXPECT_OK(client->set_owned("name", "value", soon()));
        MF_EXPECT_OK(client->join({"group", 0, 1, ""}, ignore_events, soon()));
        MF_EXPECT_OK(client->acquire_window(kWindow, soon()));
    }
    void check() {
        MF_EXPECT_FAILURE(older_->set("name", "older", soon()), Code::kEvicted, "the store was restarted",
                          "join anew");
        MF_EXPECT_OK(newer_->set("name", "newer", soon()));
        MF_EXPECT_FAILURE(newer_->assign_rank({"bm", 1, false, 0, 0}, soon()), Code::kRepeatCall);
        MF_EXPECT_OK(newer_->barrier("group", 1, 0, soon()));
    }
    MortalStore store_{MortalStore::settling("500ms", "50ms")};
    std::shared_ptr<Client> older_ = store_.client("host-a", 1);
    std::shared_ptr<Client> newer_ = store_.client("host-a", 2);
};

TEST_F(Successor, WinsWhenItComesFirst) {
    store_.proxy(1).close_door(false);
    auto waiting = in_background([&] { return newer_->find("name", soon()); });
    EXPECT_EQ(waiting.get().value(), "value");
    store_.proxy(0).close_door(false);
    check();
}

TEST_F(Successor, WinsWhenBothComeAtOnce) {
    store_.open_doors();
    check();
}

TEST(Restart, WindowsStayWhereTheyAre) {
    MortalStore store;
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-b", 2);
    for (const auto& client : {first, second}) {
        MF_EXPECT_OK(client->agree_arena(kArena, soon()));
    }
    // The first window goes, so that those behind it are not where a new store would put them.
    MF_EXPECT_OK(first->acquire_window({"bm/0", 2 << 20, 8, "shape"}, soon()));
    const WindowReply window = first->acquire_window(kWindow, soon()).value();
    const WindowReply same = second->acquire_window(kWindow, soon()).value();
    MF_EXPECT_OK(first->publish_window_holder("bm/1", "address", soon()));
    MF_EXPECT_OK(first->release_window("bm/0", soon()));
    EXPECT_EQ(window.base, same.base);
    EXPECT_NE(window.base, kBase);
    store.restart();
    const auto late = connect(store.endpoint(), "host-a", 3);
    EXPECT_EQ(late->agree_arena(kArena, soon()).value().base, kBase);
    const WindowReply reply = late->acquire_window(kWindow, soon()).value();
    EXPECT_EQ(reply.base, window.base);
    EXPECT_EQ(reply.token, window.token);
    EXPECT_FALSE(reply.creator);
    EXPECT_EQ(reply.holders, std::vector<std::string>{"address"});
    MF_EXPECT_FAILURE(late->acquire_window({"bm/1", 4 << 20, 4, "other"}, soon()), Code::kInvalidParam);
    // A new one goes into the gap, and the next behind: nowhere into the old one.
    EXPECT_EQ(late->acquire_window({"bm/2", 2 << 20, 8, "shape"}, soon()).value().base, kBase);
    EXPECT_GE(late->acquire_window({"bm/3", 2 << 20, 8, "shape"}, soon()).value().base,
              window.base + 4 * (2 << 20));
    MF_EXPECT_OK(first->release_window("bm/1", soon()));
}

TEST(Restart, AWatcherHearsWhatIsThereAndWhatChanges) {
    MortalStore store;
    const auto watcher = store.client("host-a", 1);
    const auto owner = store.client("host-a", 2);
    Heard<std::string> heard;
    const auto hear = [heard](std::string_view key, const std::optional<std::string>& value) {
        heard.add(std::string(key) + " " + value.value_or("removed"));
    };
    MF_EXPECT_OK(owner->set_owned("stays", "1", soon()));
    MF_EXPECT_OK(owner->set("goes", "1", soon()));
    for (const char* key : {"stays", "goes", "comes"}) {
        MF_EXPECT_OK(watcher->watch(key, hear, soon()));
    }
    ASSERT_EQ(heard.wait_for(2).size(), 2U);
    store.restart();
    MF_EXPECT_OK(owner->set("comes", "1", soon()));
    const std::vector<std::string> events = heard.wait_for(5);
    // A key that nobody owns has gone with the store.
    EXPECT_EQ(std::multiset<std::string>(events.begin(), events.end()),
              (std::multiset<std::string>{"stays 1", "goes 1", "stays 1", "goes removed", "comes 1"}));
    EXPECT_EQ(events.back(), "comes 1");
}

TEST(Restart, CallsWaitForTheStoreUpToTheirDeadline) {
    MortalStore store(MortalStore::settling("1s"));
    const auto client = store.client();
    store.kill();
    auto waiting = in_background([&] { return client->add("counter", 1, soon()); });
    MF_EXPECT_FAILURE(client->set("key", "value", briefly()), Code::kStoreSocket, "127.0.0.1", "broke");
    store.start();
    store.open_doors();
    MF_EXPECT_FAILURE(connect(store.endpoint())->set("key", "value", briefly()), Code::kStoreTimeout,
                      "started again", "MF_STORE_SETTLE");
    EXPECT_EQ(waiting.get().value(), 1);
    EXPECT_EQ(connect(store.endpoint())->find("key", soon()).value(), std::nullopt);
}

TEST(Restart, ManyTimes) {
    MortalStore store(MortalStore::settling("100ms"));
    const auto first = store.client("host-a", 1);
    const auto second = store.client("host-a", 2);
    MF_EXPECT_OK(first->set_owned("counter", "0", soon()));
    MF_EXPECT_OK(second->join({"group", 1, 2, ""}, ignore_events, soon()));
    MF_EXPECT_OK(first->join({"group", 0, 2, ""}, ignore_events, soon()));
    for (int i = 1; i <= 10; ++i) {
        store.restart();
        auto other = in_background([&] { return second->barrier("group", 2, 1, soon()); });
        MF_EXPECT_OK(first->barrier("group", 2, 0, soon()));
        MF_EXPECT_OK(other.get());
        EXPECT_EQ(first->add("counter", 1, soon()).value(), i);
    }
}

/// A store that cannot know that it was there before: its notes are gone, as on another machine.
class WithoutNotes : public ::testing::Test {
 protected:
    void kill_and_start() {
        store_.kill();
        std::filesystem::remove(store_.identity_file());
        store_.start();
    }
    MortalStore store_;
    std::shared_ptr<Client> client_ = store_.client("host-a", 1);
};

TEST_F(WithoutNotes, ItIsTheClientsWhoTellIt) {
    const uint64_t before = client_->store_instance();
    MF_EXPECT_OK(client_->set_owned("mine", "value", soon()));
    kill_and_start();
    const auto stranger = connect(store_.endpoint(), "host-a", 2);  // asks for nothing yet
    EXPECT_NE(stranger->store_instance(), before);
    store_.open_doors();
    EXPECT_EQ(client_->find("mine", soon()).value(), "value");
    EXPECT_EQ(client_->store_instance(), before);
    MF_EXPECT_OK(stranger->find("mine", soon()));
    EXPECT_EQ(stranger->store_instance(), before);
    // It has taken the identity over: the next time it knows.
    store_.restart();
    EXPECT_EQ(client_->find("mine", soon()).value(), "value");
}

TEST_F(WithoutNotes, AnotherPoolsStoreIsToldApart) {
    MF_EXPECT_OK(client_->set_owned("mine", "value", soon()));
    kill_and_start();
    const auto stranger = connect(store_.endpoint(), "host-a", 2);
    MF_EXPECT_OK(stranger->set("theirs", "value", soon()));
    store_.open_doors();
    MF_EXPECT_FAILURE(client_->find("theirs", soon()), Code::kReconnect, "another config store",
                      "initialize again");
    EXPECT_FALSE(client_->is_usable());
    EXPECT_EQ(stranger->find("mine", soon()).value(), std::nullopt);
}

}  // namespace
}  // namespace memfabric::store::test
