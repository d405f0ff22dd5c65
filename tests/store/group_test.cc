// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

class Groups : public ::testing::Test {
 protected:
    std::shared_ptr<Client> client(int64_t pid) { return connect(server_->endpoint(), "host-a", pid); }
    std::unique_ptr<Server> server_ = start_server();
};

TEST_F(Groups, BarrierAndAllGatherOf64ClientsForManyRounds) {
    constexpr uint32_t kSize = 64;
    constexpr uint32_t kRounds = 25;
    std::vector<std::shared_ptr<Client>> clients;
    std::vector<std::future<int>> members;
    std::atomic<uint32_t> arrived = 0;
    // Of another length for every rank and round, rank 0's empty in the first.
    const auto payload = [](uint32_t rank, uint32_t round) {
        return std::string(rank * (round + 1), static_cast<char>('a' + (rank + round) % 26));
    };
    for (uint32_t rank = 0; rank < kSize; ++rank) {
        clients.push_back(client(rank));
    }
    for (uint32_t rank = 0; rank < kSize; ++rank) {
        members.push_back(in_background([&, rank] {
            int wrong = 0;
            for (uint32_t round = 1; round <= kRounds; ++round) {
                std::vector<std::string> expected;
                for (uint32_t other = 0; other < kSize; ++other) {
                    expected.push_back(payload(other, round));
                }
                ++arrived;
                wrong += clients[rank]->barrier("all", kSize, rank, soon()).is_ok() ? 0 : 1;
                wrong += arrived >= round * kSize ? 0 : 1;
                const auto gathered = clients[rank]->all_gather("all", kSize, rank, expected[rank], soon());
                wrong += gathered.is_ok() && *gathered == expected ? 0 : 1;
            }
            return wrong;
        }));
    }
    for (auto& member : members) {
        EXPECT_EQ(member.get(), 0);
    }
}

TEST_F(Groups, BarrierThatEndsByItsDeadlineNamesWhoIsMissingAndCanBeTriedAgain) {
    const auto one = client(1);
    const auto two = client(2);
    MF_EXPECT_FAILURE(one->barrier("group", 4, 1, briefly()), Code::kTimeout, "group", "1 of 4", "0, 2, 3");
    auto again = in_background([&] { return one->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(two->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(again.get());
}

TEST_F(Groups, RankThatLeavesTheGroupFailsTheRoundsThatNeedIt) {
    const auto one = client(1);
    const auto two = client(2);
    const auto nothing = [](const MemberEvent&) {};
    MF_EXPECT_OK(one->join({"group", 0, 2, ""}, nothing, soon()));
    MF_EXPECT_OK(two->join({"group", 1, 2, ""}, nothing, soon()));
    auto waiting = in_background([&] { return one->barrier("group", 2, 0, soon()); });
    MF_EXPECT_OK(two->leave("group", soon()));
    MF_EXPECT_FAILURE(waiting.get(), Code::kPeerLost, "rank 1 of 2", "has left the group");
    MF_EXPECT_FAILURE(one->all_gather("group", 2, 0, "x", soon()), Code::kPeerLost, "rank 1 of 2");
    MF_EXPECT_OK(two->join({"group", 1, 2, ""}, nothing, soon()));
    auto again = in_background([&] { return two->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(one->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(again.get());
}

TEST_F(Groups, ARankThatAnotherProcessTookEndsAfterIt) {
    auto one = connect(server_->endpoint());
    auto two = connect(server_->endpoint());
    const auto three = connect(server_->endpoint());
    MF_EXPECT_OK(one->barrier("group", 1, 0, soon()));
    MF_EXPECT_OK(two->barrier("group", 1, 0, soon()));
    two.reset();
    one.reset();
    MF_EXPECT_OK(three->barrier("group", 1, 0, soon()));
}

TEST_F(Groups, AllGatherThatEndsByItsDeadlineIsTakenBack) {
    const auto one = client(1);
    const auto two = client(2);
    MF_EXPECT_FAILURE(one->all_gather("group", 2, 0, "old", briefly()), Code::kTimeout, "rank 1");
    auto again = in_background([&] { return one->all_gather("group", 2, 0, "new", soon()); });
    EXPECT_EQ(two->all_gather("group", 2, 1, "other", soon()).value(),
              (std::vector<std::string>{"new", "other"}));
    EXPECT_EQ(again.get().value(), (std::vector<std::string>{"new", "other"}));
}

TEST_F(Groups, TheSameRankTwiceInOneRoundIsRefused) {
    const auto one = client(101);
    const auto two = client(102);
    const auto three = client(103);
    auto first = in_background([&] { return one->barrier("group", 2, 0, soon()); });
    // Until the first is in the round, the second would take its place: so it withdraws and tries again.
    Status second(Code::kTimeout, "");
    while (second.code() == Code::kTimeout && !is_ready(first)) {
        second = two->barrier("group", 2, 0, briefly());
    }
    if (is_ready(first)) {
        MF_EXPECT_FAILURE(first.get(), Code::kDuplicatedObject, "rank 0");
        return;
    }
    MF_EXPECT_FAILURE(second, Code::kDuplicatedObject, "rank 0", "pid 101");
    MF_EXPECT_OK(three->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(first.get());
}

TEST_F(Groups, DifferentSizesInOneRoundAreRefused) {
    const auto one = client(1);
    const auto two = client(2);
    auto first = in_background([&] { return one->barrier("group", 2, 0, soon()); });
    Status second(Code::kTimeout, "");
    while (second.code() == Code::kTimeout && !is_ready(first)) {
        second = two->barrier("group", 3, 1, briefly());
    }
    if (is_ready(first)) {
        MF_EXPECT_FAILURE(first.get(), Code::kInvalidParam, "2 ranks", "3");
        return;
    }
    MF_EXPECT_FAILURE(second, Code::kInvalidParam, "3 ranks", "say 2");
    MF_EXPECT_OK(two->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(first.get());
}

TEST_F(Groups, ImpossibleRanksAndSizes) {
    const auto one = client(1);
    MF_EXPECT_FAILURE(one->barrier("group", 0, 0, soon()), Code::kInvalidParam, "rank 0 of 0");
    MF_EXPECT_FAILURE(one->barrier("group", 2, 2, soon()), Code::kInvalidParam, "rank 2 of 2");
    MF_EXPECT_FAILURE(one->barrier("group", kMaxWorldSize + 1, 0, soon()), Code::kInvalidParam, "1024");
    MF_EXPECT_FAILURE(one->barrier("", 1, 0, soon()), Code::kStoreInvalidKey);
    MF_EXPECT_OK(one->barrier("group", 1, 0, soon()));
}

TEST_F(Groups, MembersHearOfEachOther) {
    Heard<MemberEvent> heard;
    const auto one = client(1);
    auto two = client(2);
    const JoinReply first = one->join({"group", 5, 2, "first"}, heard.listener(), soon()).value();
    ASSERT_EQ(first.members.size(), 1U);
    EXPECT_EQ(first.members[0].rank, 5U);
    EXPECT_EQ(first.members[0].payload, "first");
    EXPECT_EQ(first.members[0].host_id, "host-a");
    EXPECT_EQ(first.members[0].epoch, first.epoch);

    const auto ignore = [](const MemberEvent&) {};
    const JoinReply second = two->join({"group", 3, 2, "second"}, ignore, soon()).value();
    ASSERT_EQ(second.members.size(), 2U);
    EXPECT_GT(second.epoch, first.epoch);
    MF_EXPECT_OK(two->leave("group", soon()));
    MF_EXPECT_FAILURE(two->leave("group", soon()), Code::kObjectNotExists, "group");
    MF_EXPECT_OK(two->join({"group", 3, 2, "again"}, ignore, soon()));
    two.reset();

    const std::vector<MemberEvent> events = heard.wait_for(4);
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[0].kind, MemberEventKind::kJoined);
    EXPECT_EQ(events[0].member.rank, 3U);
    EXPECT_EQ(events[0].member.payload, "second");
    EXPECT_EQ(events[1].kind, MemberEventKind::kLeft);
    EXPECT_EQ(events[1].member.epoch, second.epoch);
    EXPECT_EQ(events[2].kind, MemberEventKind::kJoined);
    EXPECT_GT(events[2].member.epoch, second.epoch);
    EXPECT_EQ(events[3].kind, MemberEventKind::kLeft);  // its client was destroyed
}

TEST_F(Groups, JoinRefusesTakenRanksAndTooManyMembers) {
    const auto ignore = [](const MemberEvent&) {};
    const auto one = client(11);
    const auto two = client(12);
    const auto three = client(13);
    MF_EXPECT_OK(one->join({"group", 0, 2, ""}, ignore, soon()));
    MF_EXPECT_FAILURE(one->join({"group", 1, 2, ""}, ignore, soon()), Code::kDuplicatedObject, "already");
    MF_EXPECT_FAILURE(two->join({"group", 0, 2, ""}, ignore, soon()), Code::kDuplicatedObject, "rank 0",
                      "pid 11");
    MF_EXPECT_OK(two->join({"group", 1, 2, ""}, ignore, soon()));
    MF_EXPECT_FAILURE(three->join({"group", 2, 2, ""}, ignore, soon()), Code::kRefused, "2 members",
                      "may have 2");
    MF_EXPECT_OK(one->leave("group", soon()));
    MF_EXPECT_OK(three->join({"group", 2, 2, ""}, ignore, soon()));
}

TEST_F(Groups, ARoundThatWaitsForSomebodyWhoLeftFails) {
    const auto one = client(21);
    auto two = client(22);
    auto other = in_background([&] { return two->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(one->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(other.get());
    auto waiting = in_background([&] { return one->barrier("group", 2, 0, soon()); });
    two.reset();
    MF_EXPECT_FAILURE(waiting.get(), Code::kPeerLost, "rank 1", "pid 22", "left");

    const auto successor = client(23);
    auto back = in_background([&] { return successor->barrier("group", 2, 1, soon()); });
    Status status(Code::kPeerLost, "");
    while (status.code() == Code::kPeerLost) {
        status = one->barrier("group", 2, 0, soon());
    }
    MF_EXPECT_OK(status);
    MF_EXPECT_OK(back.get());
}

}  // namespace
}  // namespace memfabric::store::test
