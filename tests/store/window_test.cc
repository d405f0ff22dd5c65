// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;
constexpr uint64_t kBase = 0x200000000000;
constexpr uint64_t kOtherBase = 0x300000000000;

class Windows : public ::testing::Test {
 protected:
    std::shared_ptr<Client> client(int64_t pid, const std::string& host = "host-a") {
        auto made = connect(server_->endpoint(), host, pid);
        MF_EXPECT_OK(made->agree_arena({kGiB, {kBase, kOtherBase}}, soon()));
        return made;
    }
    static WindowRequest request(const std::string& object, uint64_t stride = 4 * kMiB, uint64_t slots = 4) {
        return WindowRequest{object, stride, slots, "DRAM " + std::to_string(stride)};
    }
    std::unique_ptr<Server> server_ = start_server();
};

TEST_F(Windows, TheArenaIsWhatAllCanReserve) {
    const auto one = connect(server_->endpoint());
    const auto two = connect(server_->endpoint());
    const auto three = connect(server_->endpoint());
    ArenaReply reply = one->agree_arena({kGiB, {kBase, kOtherBase}}, soon()).value();
    EXPECT_EQ(reply.base, kBase);
    EXPECT_EQ(reply.size, kGiB);
    EXPECT_FALSE(reply.fixed);
    EXPECT_EQ(two->agree_arena({kGiB, {kOtherBase}}, soon()).value().base, kOtherBase);
    MF_EXPECT_FAILURE(three->agree_arena({kGiB, {kBase}}, soon()), Code::kRefused, "0x200000000000",
                      "0x300000000000", "MF_GVA_BASE");
    MF_EXPECT_FAILURE(three->agree_arena({2 * kGiB, {kOtherBase}}, soon()), Code::kInvalidParam, "2147483648",
                      "1073741824");
    EXPECT_EQ(two->acquire_window(request("bm/1"), soon()).value().base, kOtherBase);
    reply = three->agree_arena({kGiB, {kBase}}, soon()).value();
    EXPECT_TRUE(reply.fixed);
    EXPECT_EQ(reply.base, kOtherBase);
}

TEST_F(Windows, AWindowNeedsAnArena) {
    const auto one = connect(server_->endpoint());
    MF_EXPECT_FAILURE(one->acquire_window(request("bm/1"), soon()), Code::kNotInitialized, "arena");
}

TEST_F(Windows, WindowsDoNotOverlapAndAreUsedAgain) {
    const auto one = client(1);
    const uint64_t first = one->acquire_window(request("bm/1"), soon()).value().base;
    const uint64_t second = one->acquire_window(request("bm/2", 3 * kMiB, 1), soon()).value().base;
    const uint64_t third = one->acquire_window(request("bm/3"), soon()).value().base;
    EXPECT_EQ(first, kBase);
    EXPECT_EQ(second, kBase + 16 * kMiB);
    EXPECT_EQ(third, kBase + 20 * kMiB);  // 3 MiB were rounded up to 4
    MF_EXPECT_OK(one->release_window("bm/1", soon()));
    EXPECT_EQ(one->acquire_window(request("bm/4", 2 * kMiB, 1), soon()).value().base, first);
    EXPECT_EQ(one->acquire_window(request("bm/5"), soon()).value().base, third + 16 * kMiB);
    MF_EXPECT_FAILURE(one->acquire_window(request("bm/6", kGiB, 1), soon()), Code::kMallocFailed,
                      "MF_ARENA_SIZE");
    MF_EXPECT_FAILURE(one->acquire_window(request("bm/6", UINT64_MAX, 3), soon()), Code::kInvalidParam);
    MF_EXPECT_FAILURE(one->acquire_window(request("bm/6", 0, 3), soon()), Code::kInvalidParam);
    MF_EXPECT_FAILURE(one->release_window("bm/6", soon()), Code::kObjectNotExists, "bm/6");
}

TEST_F(Windows, AllMustAskForTheSameShape) {
    const auto one = client(1);
    const auto two = client(2, "host-b");
    MF_EXPECT_OK(one->acquire_window(request("bm/1"), soon()));
    MF_EXPECT_FAILURE(one->acquire_window(request("bm/1"), soon()), Code::kDuplicatedObject, "bm/1");
    MF_EXPECT_FAILURE(two->acquire_window(request("bm/1", 6 * kMiB), soon()), Code::kInvalidParam,
                      "DRAM 4194304", "DRAM 6291456");
    const WindowReply reply = two->acquire_window(request("bm/1"), soon()).value();
    EXPECT_TRUE(reply.creator);  // the first of its host
    EXPECT_EQ(reply.base, kBase);
}

TEST_F(Windows, OthersOfAHostWaitForTheCreator) {
    const auto one = client(1);
    const auto two = client(2);
    const auto three = client(3);
    const WindowReply first = one->acquire_window(request("bm/1"), soon()).value();
    EXPECT_TRUE(first.creator);
    EXPECT_TRUE(first.holders.empty());
    EXPECT_EQ(first.token.size(), 32U);
    MF_EXPECT_FAILURE(two->acquire_window(request("bm/1"), briefly()), Code::kTimeout, "bm/1", "pid 1");
    MF_EXPECT_FAILURE(two->publish_window_holder("bm/1", "two", soon()), Code::kObjectNotExists, "bm/1");
    auto waiting = in_background([&] { return two->acquire_window(request("bm/1"), soon()); });
    MF_EXPECT_OK(one->publish_window_holder("bm/1", "one", soon()));
    const WindowReply second = waiting.get().value();
    EXPECT_FALSE(second.creator);
    EXPECT_EQ(second.holders, (std::vector<std::string>{"one"}));
    EXPECT_EQ(second.token, first.token);
    EXPECT_EQ(second.base, first.base);
    MF_EXPECT_OK(two->publish_window_holder("bm/1", "two", soon()));
    EXPECT_EQ(three->acquire_window(request("bm/1"), soon()).value().holders.size(), 2U);
    MF_EXPECT_OK(three->release_window("bm/1", soon()));
    MF_EXPECT_OK(one->release_window("bm/1", soon()));
    EXPECT_EQ(three->acquire_window(request("bm/1"), soon()).value().holders,
              (std::vector<std::string>{"two"}));
}

TEST_F(Windows, OfManyHoldersAFewAreNamed) {
    constexpr int64_t kHolders = 20;
    constexpr size_t kNamed = 8;
    std::vector<std::shared_ptr<Client>> holders;
    std::set<std::string> named;
    for (int64_t pid = 0; pid < kHolders; ++pid) {
        holders.push_back(client(pid));
        const auto reply = holders.back()->acquire_window(request("bm/1", kMiB, kHolders), soon()).value();
        EXPECT_EQ(reply.holders.size(), std::min<size_t>(static_cast<size_t>(pid), kNamed));
        named.insert(reply.holders.begin(), reply.holders.end());
        MF_EXPECT_OK(holders.back()->publish_window_holder("bm/1", std::to_string(pid), soon()));
    }
    EXPECT_GT(named.size(), kNamed);  // not the same ones to all
}

TEST_F(Windows, WhereTheCreatorLeavesTheNextOneCreates) {
    auto one = client(1);
    auto two = client(2);
    const auto three = client(3);
    MF_EXPECT_OK(three->acquire_window(request("bm/2"), soon()));  // keeps the arena where it is
    EXPECT_TRUE(one->acquire_window(request("bm/1"), soon()).value().creator);
    auto waiting = in_background([&] { return two->acquire_window(request("bm/1"), soon()); });
    one.reset();
    EXPECT_TRUE(waiting.get().value().creator);
    MF_EXPECT_OK(two->publish_window_holder("bm/1", "two", soon()));
    two.reset();
    const WindowReply reply = three->acquire_window(request("bm/1"), soon()).value();
    EXPECT_TRUE(reply.creator);  // nobody of the host has the segment any more
    EXPECT_TRUE(reply.holders.empty());
}

}  // namespace
}  // namespace memfabric::store::test
