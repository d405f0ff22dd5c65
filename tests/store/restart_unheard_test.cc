// SPDX-License-Identifier: Apache-2.0
// What a store did before it was killed, and told not everybody.
#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

constexpr size_t kSomeBytes = 41;  // more than a header: a reply, or an event

using Payloads = std::vector<std::string>;

/// Three clients. The store's last words to one of them are lost.
class Unheard : public ::testing::Test {
 protected:
    template <typename Done, typename Ask>
    auto unheard(size_t victim, Ask ask, Done done) {
        store_.proxy(victim).swallow_replies(true);
        auto asked = in_background(std::move(ask));
        done();
        store_.proxy(victim).wait_swallowed(kSomeBytes);
        store_.kill();
        store_.proxy(victim).swallow_replies(false);
        return asked;
    }
    void start() {
        store_.start();
        store_.open_doors();
    }
    void meet(uint32_t size) {
        std::vector<std::future<Status>> others;
        for (uint32_t rank = 1; rank < size; ++rank) {
            others.push_back(in_background(
                [this, size, rank] { return clients_[rank]->barrier("group", size, rank, soon()); }));
        }
        MF_EXPECT_OK(clients_[0]->barrier("group", size, 0, soon()));
        for (auto& other : others) {
            MF_EXPECT_OK(other.get());
        }
    }
    MortalStore store_{MortalStore::settling("300ms")};
    std::vector<std::shared_ptr<Client>> clients_{store_.client("host-a", 1), store_.client("host-a", 2),
                                                  store_.client("host-a", 3)};
    const std::shared_ptr<Client>& first_ = clients_[0];
    const std::shared_ptr<Client>& second_ = clients_[1];
    const std::shared_ptr<Client>& third_ = clients_[2];
};

TEST_F(Unheard, ABarrierThatEndedIsNotTakenForTheNextOne) {
    meet(2);
    auto missed = unheard(
        1, [this] { return second_->barrier("group", 2, 1, soon()); },
        [this] { MF_EXPECT_OK(first_->barrier("group", 2, 0, soon())); });
    auto next = in_background([this] { return first_->barrier("group", 2, 0, soon()); });
    start();
    MF_EXPECT_OK(missed.get());
    MF_EXPECT_OK(first_->hear_all(soon()));
    EXPECT_FALSE(is_ready(next));
    MF_EXPECT_OK(second_->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(next.get());
    meet(2);
}

TEST_F(Unheard, TheFirstBarrierOfAGroup) {
    auto missed = unheard(
        1, [this] { return second_->barrier("group", 2, 1, soon()); },
        [this] { MF_EXPECT_OK(first_->barrier("group", 2, 0, soon())); });
    start();
    MF_EXPECT_OK(missed.get());
    meet(2);
}

TEST_F(Unheard, ABarrierWhoseEndNobodyHasHeardIsHeldAgain) {
    store_.proxy(0).swallow_replies(true);
    auto first = in_background([this] { return first_->barrier("group", 2, 0, soon()); });
    auto second = unheard(
        1, [this] { return second_->barrier("group", 2, 1, soon()); },
        [this] { store_.proxy(0).wait_swallowed(kSomeBytes); });
    store_.proxy(0).swallow_replies(false);
    start();
    MF_EXPECT_OK(first.get());
    MF_EXPECT_OK(second.get());
    meet(2);
}

TEST_F(Unheard, AnAllGatherIsPutTogetherAgain) {
    auto missed = unheard(
        1, [this] { return second_->all_gather("group", 2, 1, "b", soon()); },
        [this] {
            EXPECT_EQ(first_->all_gather("group", 2, 0, "a", soon()).value(), (Payloads{"a", "b"}));
        });
    auto next = in_background([this] { return first_->all_gather("group", 2, 0, "c", soon()); });
    start();
    EXPECT_EQ(missed.get().value(), (Payloads{"a", "b"}));
    EXPECT_EQ(second_->all_gather("group", 2, 1, "d", soon()).value(), (Payloads{"c", "d"}));
    EXPECT_EQ(next.get().value(), (Payloads{"c", "d"}));
}

TEST_F(Unheard, AnAllGatherWhosePartIsGoneWithItsRankFails) {
    for (uint32_t rank = 0; rank < 3; ++rank) {
        MF_EXPECT_OK(clients_[rank]->join({"group", rank, 3, ""}, ignore_events, soon()));
    }
    auto third = in_background([this] { return third_->all_gather("group", 3, 2, "c", soon()); });
    auto missed = unheard(
        1, [this] { return second_->all_gather("group", 3, 1, "b", soon()); },
        [this] {
            EXPECT_EQ(first_->all_gather("group", 3, 0, "a", soon()).value(), (Payloads{"a", "b", "c"}));
        });
    MF_EXPECT_OK(third.get());
    clients_[2].reset();
    start();
    MF_EXPECT_FAILURE(missed.get(), Code::kPeerLost, "rank 2 of 3 is gone",
                      "while the config store was away");
}

TEST_F(Unheard, ABarrierThatEndedDoesNotNeedWhoIsGone) {
    for (uint32_t rank = 0; rank < 3; ++rank) {
        MF_EXPECT_OK(clients_[rank]->join({"group", rank, 3, ""}, ignore_events, soon()));
    }
    auto third = in_background([this] { return third_->barrier("group", 3, 2, soon()); });
    auto missed = unheard(
        1, [this] { return second_->barrier("group", 3, 1, soon()); },
        [this] { MF_EXPECT_OK(first_->barrier("group", 3, 0, soon())); });
    MF_EXPECT_OK(third.get());
    clients_[2].reset();
    start();
    MF_EXPECT_OK(missed.get());
    MF_EXPECT_FAILURE(second_->barrier("group", 3, 1, soon()), Code::kPeerLost, "rank 2 of 3 is gone");
}

TEST_F(Unheard, ACallThatHasEndedIsOver) {
    auto missed = unheard(
        1,
        [this] { return second_->barrier("group", 2, 1, Deadline::after(std::chrono::milliseconds(500))); },
        [this] { MF_EXPECT_OK(first_->barrier("group", 2, 0, soon())); });
    MF_EXPECT_FAILURE(missed.get(), Code::kStoreSocket, "whether the store has done it is not known");
    start();
    auto next = in_background([this] { return second_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(second_->hear_all(soon()));
    EXPECT_FALSE(is_ready(next));
    MF_EXPECT_OK(first_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(next.get());
}

TEST_F(Unheard, ASuccessorIsNotToldOfWhatItsPredecessorHasDone) {
    MF_EXPECT_OK(first_->join({"group", 0, 2, ""}, ignore_events, soon()));
    MF_EXPECT_OK(second_->join({"group", 1, 2, ""}, ignore_events, soon()));
    meet(2);
    clients_[1].reset();
    MF_EXPECT_OK(third_->join({"group", 1, 2, ""}, ignore_events, soon()));
    auto waiting = in_background([this] { return third_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(third_->hear_all(soon()));
    store_.kill();
    start();
    MF_EXPECT_OK(third_->hear_all(soon()));
    EXPECT_FALSE(is_ready(waiting));
    MF_EXPECT_OK(first_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(waiting.get());
}

TEST_F(Unheard, WhoKnowsTheEndMayComeLate) {
    auto missed = unheard(
        1, [this] { return second_->all_gather("group", 2, 1, "b", soon()); },
        [this] { MF_EXPECT_OK(first_->all_gather("group", 2, 0, "a", soon())); });
    store_.start();
    store_.proxy(1).close_door(false);
    MF_EXPECT_OK(second_->hear_all(soon()));  // the store has settled
    EXPECT_FALSE(is_ready(missed));
    store_.proxy(0).close_door(false);
    EXPECT_EQ(missed.get().value(), (Payloads{"a", "b"}));
}

TEST_F(Unheard, AMemberThatOthersKnowHasJoined) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first_->join(
        {"group", 0, 3, ""}, [&](const MemberEvent& event) { heard.add(event); }, soon()));
    auto joined = unheard(
        1,
        [this] {
            return second_->join({"group", 1, 3, "payload"}, ignore_events, soon());
        },
        [&] { ASSERT_EQ(heard.wait_for(1).size(), 1U); });
    start();
    const JoinReply reply = joined.get().value();
    EXPECT_EQ(reply.epoch, heard.wait_for(1)[0].member.epoch);
    ASSERT_EQ(reply.members.size(), 2U);
    EXPECT_EQ(reply.members[1].payload, "payload");
    MF_EXPECT_OK(third_->join({"group", 2, 3, ""}, ignore_events, soon()));
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].member.rank, 2U);
    auto other = in_background([this] { return second_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(first_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(other.get());
}

TEST_F(Unheard, AnotherThatJoinsInItsPlaceIsAnotherMember) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first_->join(
        {"group", 0, 3, ""}, [&](const MemberEvent& event) { heard.add(event); }, soon()));
    const uint64_t epoch = second_->join({"group", 1, 3, ""}, ignore_events, soon()).value().epoch;
    ASSERT_EQ(heard.wait_for(1).size(), 1U);
    store_.kill();
    clients_[1].reset();
    auto joined = in_background([this] { return third_->join({"group", 1, 3, ""}, ignore_events, soon()); });
    start();
    EXPECT_GT(joined.get().value().epoch, epoch);
    const std::vector<MemberEvent> events = heard.wait_for(3);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    EXPECT_EQ(events[1].member.epoch, epoch);
    EXPECT_EQ(events[2].kind, MemberEventKind::kJoined);
}

TEST_F(Unheard, AMemberThatHasLeftDoesNotComeBack) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first_->join(
        {"group", 0, 3, ""}, [&](const MemberEvent& event) { heard.add(event); }, soon()));
    MF_EXPECT_OK(second_->join({"group", 1, 3, ""}, ignore_events, soon()));
    auto left = unheard(
        1, [this] { return second_->leave("group", soon()); },
        [&] { ASSERT_EQ(heard.wait_for(2).size(), 2U); });
    start();
    MF_EXPECT_OK(left.get());
    MF_EXPECT_OK(third_->join({"group", 2, 3, ""}, ignore_events, soon()));
    const std::vector<MemberEvent> events = heard.wait_for(3);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLeft);
    EXPECT_EQ(events[2].member.rank, 2U);
}

TEST_F(Unheard, WhoLeavesWhileTheStoreIsAwayHasLeftAndIsNotLost) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(first_->join(
        {"group", 0, 3, ""}, [&](const MemberEvent& event) { heard.add(event); }, soon()));
    MF_EXPECT_OK(second_->join({"group", 1, 3, ""}, ignore_events, soon()));
    ASSERT_EQ(heard.wait_for(1).size(), 1U);
    store_.kill();
    auto left = in_background([this] { return second_->leave("group", soon()); });
    start();
    MF_EXPECT_OK(left.get());
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLeft);
}

}  // namespace
}  // namespace memfabric::store::test
