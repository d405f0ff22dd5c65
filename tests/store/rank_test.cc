// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

RankRequest request(uint32_t size, std::optional<uint32_t> rank = std::nullopt, uint32_t device = 0,
                    bool dynamic = false) {
    return RankRequest{"bm", size, dynamic, rank, device};
}

class Ranks : public ::testing::Test {
 protected:
    std::shared_ptr<Client> client(int64_t pid, const std::string& host = "host-a") {
        return connect(server_->endpoint(), host, pid);
    }
    std::unique_ptr<Server> server_ = start_server();
};

TEST_F(Ranks, WantedRanksAreGivenOnce) {
    const auto one = client(31);
    const auto two = client(32);
    EXPECT_EQ(one->assign_rank(request(2, 1), soon()).value().rank, 1U);
    MF_EXPECT_FAILURE(two->assign_rank(request(2, 1), soon()), Code::kDuplicatedObject, "rank 1", "pid 31");
    MF_EXPECT_FAILURE(two->assign_rank(request(2, 2), soon()), Code::kInvalidParam, "rank 2", "0 to 1");
    MF_EXPECT_FAILURE(two->assign_rank(request(3, 0), soon()), Code::kInvalidParam, "2 ranks", "says 3");
    MF_EXPECT_FAILURE(two->assign_rank(request(0), soon()), Code::kInvalidParam, "0");
    MF_EXPECT_FAILURE(two->assign_rank(request(kMaxWorldSize + 1), soon()), Code::kInvalidParam, "1025");
    MF_EXPECT_FAILURE(one->assign_rank(request(2, 0), soon()), Code::kRepeatCall, "rank 1");
    const RankReply reply = two->assign_rank(request(2, 0), soon()).value();
    EXPECT_EQ(reply.rank, 0U);
    EXPECT_EQ(reply.world_size, 2U);
    MF_EXPECT_OK(one->release_rank("bm", soon()));
    MF_EXPECT_FAILURE(one->release_rank("bm", soon()), Code::kObjectNotExists, "bm");
}

TEST_F(Ranks, ChosenRanksAreSortedByHostAndDevice) {
    const auto b1 = client(1, "host-b");
    const auto a1 = client(2, "host-a");
    const auto b0 = client(3, "host-b");
    const auto a0 = client(4, "host-a");
    auto rank_b1 = in_background([&] { return b1->assign_rank(request(4, std::nullopt, 1), soon()); });
    auto rank_a1 = in_background([&] { return a1->assign_rank(request(4, std::nullopt, 1), soon()); });
    auto rank_b0 = in_background([&] { return b0->assign_rank(request(4, std::nullopt, 0), soon()); });
    auto rank_a0 = in_background([&] { return a0->assign_rank(request(4, std::nullopt, 0), soon()); });
    EXPECT_EQ(rank_a0.get().value().rank, 0U);
    EXPECT_EQ(rank_a1.get().value().rank, 1U);
    EXPECT_EQ(rank_b0.get().value().rank, 2U);
    EXPECT_EQ(rank_b1.get().value().rank, 3U);
}

TEST_F(Ranks, TwoProcessesWithOneDeviceGetTwoRanks) {
    const auto one = client(1);
    const auto two = client(2);
    auto first = in_background([&] { return one->assign_rank(request(2), soon()); });
    auto second = in_background([&] { return two->assign_rank(request(2), soon()); });
    EXPECT_EQ(first.get().value().rank + second.get().value().rank, 1U);
}

TEST_F(Ranks, WantedAndChosenRanksMix) {
    const auto one = client(1);
    const auto two = client(2);
    const auto three = client(3);
    auto first = in_background([&] { return one->assign_rank(request(3), soon()); });
    auto second = in_background([&] { return two->assign_rank(request(3), soon()); });
    EXPECT_EQ(three->assign_rank(request(3, 0), soon()).value().rank, 0U);
    EXPECT_EQ(first.get().value().rank + second.get().value().rank, 3U);
}

TEST_F(Ranks, AnIncompleteWorldEndsByTheDeadline) {
    const auto one = client(1);
    MF_EXPECT_FAILURE(one->assign_rank(request(3), briefly()), Code::kTimeout, "bm", "1 of 3", "2 missing");
    EXPECT_EQ(one->assign_rank(request(1), soon()).value().rank,
              0U);  // the world was forgotten, so another size is possible
}

TEST_F(Ranks, AFreeRankOfACompleteWorldGoesToTheNextAsker) {
    const auto one = client(1);
    auto two = client(2);
    const auto three = client(3);
    MF_EXPECT_OK(one->assign_rank(request(2, 0), soon()));
    MF_EXPECT_OK(two->assign_rank(request(2, 1), soon()));
    MF_EXPECT_FAILURE(three->assign_rank(request(2), soon()), Code::kRefused, "2 ranks", "taken");
    two.reset();
    EXPECT_EQ(three->assign_rank(request(2), soon()).value().rank, 1U);
}

TEST_F(Ranks, ADynamicWorldAnswersAtOnce) {
    const auto a0 = client(1, "host-a");
    const auto b0 = client(2, "host-b");
    const auto a1 = client(3, "host-a");
    const auto c0 = client(4, "host-c");
    const auto dynamic = [](std::optional<uint32_t> rank = std::nullopt) {
        return request(1, rank, 0, true);
    };
    EXPECT_EQ(a0->assign_rank(dynamic(), soon()).value().rank, 0U);
    EXPECT_EQ(b0->assign_rank(dynamic(10), soon()).value().rank, 10U);
    EXPECT_EQ(a1->assign_rank(dynamic(), soon()).value().rank, 1U);
    EXPECT_EQ(c0->assign_rank(dynamic(), soon()).value().rank, 2U);
    MF_EXPECT_OK(b0->release_rank("bm", soon()));
    EXPECT_EQ(b0->assign_rank(dynamic(), soon()).value().rank, 3U);
    MF_EXPECT_OK(a0->release_rank("bm", soon()));
    MF_EXPECT_FAILURE(a0->assign_rank(dynamic(kMaxWorldSize), soon()), Code::kInvalidParam, "1023");
    MF_EXPECT_FAILURE(a0->assign_rank(request(1), soon()), Code::kInvalidParam, "dynamic");
    EXPECT_EQ(a0->assign_rank(dynamic(), soon()).value().rank, 0U);
}

}  // namespace
}  // namespace memfabric::store::test
