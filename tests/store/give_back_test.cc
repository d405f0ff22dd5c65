// SPDX-License-Identifier: Apache-2.0
// What is given back while the store is away, by callers who did not wait for its answer.
#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

const ArenaOffer kArena{1 << 30, {uint64_t{1} << 45}};
const WindowRequest kWindow{"bm/1", 2 << 20, 4, "shape"};

class GiveBack : public ::testing::Test {
 protected:
    /// Has the holder leave the group while it cannot reach the store, and hears what the other one does.
    void leave_in_vain() {
        MF_EXPECT_OK(other_->join({"group", 0, 2, ""}, heard_.listener(), soon()));
        epoch_ = holder_->join({"group", 1, 2, "first"}, ignore_events, soon()).value().epoch;
        ASSERT_EQ(heard_.wait_for(1).size(), 1U);
        go_away();
        MF_EXPECT_FAILURE(holder_->leave("group", briefly()), Code::kStoreSocket, "leave group 'group'",
                          "it is done once the store is back");
    }
    /// From the holder's eyes.
    void go_away() {
        store_.proxy(0).close_door(true);
        store_.proxy(0).cut();
    }
    void expect_left_and_joined() {
        const std::vector<MemberEvent> events = heard_.wait_for(3);
        ASSERT_EQ(events.size(), 3U);
        EXPECT_EQ(events[1].kind, MemberEventKind::kLeft);
        EXPECT_EQ(events[1].member.epoch, epoch_);
        EXPECT_EQ(events[2].kind, MemberEventKind::kJoined);
        EXPECT_EQ(events[2].member.payload, "second");
    }

    MortalStore store_;
    std::shared_ptr<Client> holder_ = store_.client("host-a", 1);
    std::shared_ptr<Client> other_ = store_.client("host-a", 2);
    Heard<MemberEvent> heard_;
    uint64_t epoch_ = 0;
};

TEST_F(GiveBack, AMembershipIsLeftOnceTheStoreIsBack) {
    leave_in_vain();
    store_.open_doors();
    const std::vector<MemberEvent> events = heard_.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLeft);
}

TEST_F(GiveBack, TheNextToJoinIsNoMemberAlready) {
    leave_in_vain();
    auto joined = in_background([this] {
        return holder_->join({"group", 1, 2, "second"}, ignore_events, soon());
    });
    store_.open_doors();
    EXPECT_GT(joined.get().value().epoch, epoch_);
    expect_left_and_joined();
}

TEST_F(GiveBack, AlsoWhereTheStoreWasStartedAgain) {
    leave_in_vain();
    store_.kill();
    auto joined = in_background([this] {
        return holder_->join({"group", 1, 2, "second"}, ignore_events, soon());
    });
    store_.start();
    store_.open_doors();
    EXPECT_GT(joined.get().value().epoch, epoch_);
    expect_left_and_joined();
}

TEST_F(GiveBack, AlsoWhileTheStoreSettles) {
    MF_EXPECT_OK(other_->join({"group", 0, 2, ""}, heard_.listener(), soon()));
    epoch_ = holder_->join({"group", 1, 2, "first"}, ignore_events, soon()).value().epoch;
    ASSERT_EQ(heard_.wait_for(1).size(), 1U);
    store_.restart();
    // The first one may be over before the connection is back.
    Status left(Code::kStoreSocket, "");
    while (left.code() == Code::kStoreSocket) {
        left = holder_->leave("group", briefly());
    }
    EXPECT_GT(holder_->join({"group", 1, 2, "second"}, ignore_events, soon()).value().epoch, epoch_);
    expect_left_and_joined();
}

TEST_F(GiveBack, WithinReachItIsDoneAlsoBehindTheDeadline) {
    MF_EXPECT_OK(holder_->join({"group", 1, 2, ""}, ignore_events, soon()));
    MF_EXPECT_OK(holder_->leave("group", Deadline::after(std::chrono::milliseconds(0))));
}

TEST_F(GiveBack, ARankIsFree) {
    MF_EXPECT_OK(holder_->assign_rank({"world", 1, false, 0, 0}, soon()));
    go_away();
    MF_EXPECT_FAILURE(holder_->release_rank("world", briefly()), Code::kStoreSocket,
                      "once the store is back");
    store_.open_doors();
    MF_EXPECT_OK(holder_->hear_all(soon()));
    MF_EXPECT_OK(other_->assign_rank({"world", 1, false, 0, 0}, soon()));
}

TEST_F(GiveBack, AWindowIsReleased) {
    MF_EXPECT_OK(holder_->agree_arena(kArena, soon()));
    const uint64_t epoch = holder_->acquire_window(kWindow, soon()).value().epoch;
    go_away();
    MF_EXPECT_FAILURE(holder_->release_window(kWindow.object, briefly()), Code::kStoreSocket);
    store_.open_doors();
    EXPECT_NE(holder_->acquire_window(kWindow, soon()).value().epoch, epoch);
}

TEST_F(GiveBack, WhatWasAskedOtherwiseIsNotDoneLater) {
    MF_EXPECT_OK(holder_->set("key", "before", soon()));
    go_away();
    MF_EXPECT_FAILURE(holder_->set("key", "after", briefly()), Code::kStoreSocket, "not known");
    store_.open_doors();
    MF_EXPECT_OK(holder_->hear_all(soon()));
    EXPECT_EQ(other_->get("key", soon()).value(), "before");
}

}  // namespace
}  // namespace memfabric::store::test
