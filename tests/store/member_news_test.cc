// SPDX-License-Identifier: Apache-2.0
#include "store/member_news.h"

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

constexpr const char* kGroup = "group";
constexpr uint64_t kMaxMessage = 1 << 20;

/// Who was told what, in order.
class Recorder : public Outlet {
 public:
    void reply(RequestKey /*request*/, SharedBody /*body*/) override {}
    void notify(uint64_t session, Operation operation, SharedBody body) override {
        EXPECT_EQ(operation, Operation::kMemberEvent);
        const MemberEventMessage message = decode<MemberEventMessage>(*body).value();
        EXPECT_EQ(message.group, kGroup);
        std::vector<uint32_t> ranks;
        for (const MemberChange& change : message.changes) {
            ranks.push_back(change.member.rank);
        }
        told[session].push_back(ranks);
        bodies.insert(body);
    }
    std::string describe(uint64_t session) const override { return std::to_string(session); }
    const std::string& host_of(uint64_t /*session*/) const override { return host_; }
    ProcessId process_of(uint64_t /*session*/) const override { return {}; }
    bool is_connected(uint64_t /*session*/) const override { return true; }
    void evict(uint64_t /*session*/, const Status& /*why*/) override {}

    /// All that the session was told, as if in one message.
    std::vector<uint32_t> heard(uint64_t session) {
        std::vector<uint32_t> all;
        for (const auto& ranks : told[session]) {
            all.insert(all.end(), ranks.begin(), ranks.end());
        }
        return all;
    }

    std::map<uint64_t, std::vector<std::vector<uint32_t>>> told;  // by session: ranks, by message
    std::set<SharedBody> bodies;

 private:
    std::string host_ = "host";
};

using Ranks = std::vector<uint32_t>;

class MemberNewsTest : public ::testing::Test {
 protected:
    /// As the table does it: whoever comes is told in the reply who is there.
    void join(uint32_t rank, uint32_t told_from = 0) {
        news_.tell(kGroup, MemberEventKind::kJoined, Member{rank, rank + 1, "host", payload_});
        news_.enter(kGroup, rank, told_from);
    }
    void part(uint32_t rank) {
        news_.leave(kGroup, rank);
        news_.tell(kGroup, MemberEventKind::kLost, Member{rank, rank + 1, "host", payload_});
    }
    void leave(uint32_t rank) {
        news_.leave(kGroup, rank);
        news_.tell(kGroup, MemberEventKind::kLeft, Member{rank, rank + 1, "host", payload_});
    }
    void let_time_pass() {
        while (const auto due = news_.next_due()) {
            news_.tell_due(*due);
        }
    }

    std::string payload_;
    Recorder outlet_;
    MemberNews news_{outlet_, kMaxMessage};
};

TEST_F(MemberNewsTest, EveryoneHearsWhatCameAfterIt) {
    for (uint32_t rank = 0; rank < 5; ++rank) {
        join(rank);
    }
    part(2);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{1, 2, 3, 4, 2}));
    EXPECT_EQ(outlet_.heard(3), (Ranks{4, 2}));
    EXPECT_EQ(outlet_.heard(4), (Ranks{2}));
}

TEST_F(MemberNewsTest, ManyChangesAtOnceAreFewMessages) {
    constexpr uint32_t kMembers = 500;
    for (uint32_t rank = 0; rank < kMembers; ++rank) {
        join(rank);
    }
    let_time_pass();
    outlet_.told.clear();
    outlet_.bodies.clear();
    for (uint32_t rank = 0; rank < 100; ++rank) {
        part(rank);
    }
    let_time_pass();
    EXPECT_EQ(outlet_.heard(kMembers - 1).size(), 100U);
    // The first at once, what follows in a message every 25 ms, which the same body serves for all.
    EXPECT_LE(outlet_.told[kMembers - 1].size(), 20U);
    EXPECT_EQ(outlet_.bodies.size(), outlet_.told[kMembers - 1].size());
}

TEST_F(MemberNewsTest, ALossIsToldSoonerThanALeave) {
    constexpr uint32_t kMembers = 1000;
    for (uint32_t rank = 0; rank < kMembers; ++rank) {
        join(rank);
    }
    let_time_pass();
    outlet_.told.clear();
    leave(0);
    const auto leave_due = news_.next_due();
    ASSERT_TRUE(leave_due);
    part(1);
    ASSERT_TRUE(news_.next_due());
    EXPECT_LT(*news_.next_due(), *leave_due - std::chrono::milliseconds(300));
    let_time_pass();
    EXPECT_EQ(outlet_.told[2], (std::vector<Ranks>{{0, 1}}));
}

TEST_F(MemberNewsTest, AGroupThatIsToldOnceItIsCompleteHearsNothingBefore) {
    for (uint32_t rank = 0; rank < 3; ++rank) {
        join(rank, 4);
    }
    news_.catch_up(0, false);
    EXPECT_FALSE(news_.next_due());
    EXPECT_TRUE(outlet_.told.empty());
    join(3, 4);
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{1, 2, 3}}));
    EXPECT_EQ(outlet_.told[2], (std::vector<Ranks>{{3}}));
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{1, 2, 3}, {1}}));
}

TEST_F(MemberNewsTest, WhoeverGoesOrSaysAnotherNumberIsToldOfBeforeItIsComplete) {
    for (uint32_t rank = 0; rank < 3; ++rank) {
        join(rank, 10);
    }
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{1, 2, 1}));
    EXPECT_EQ(outlet_.heard(2), (Ranks{1}));
    EXPECT_TRUE(outlet_.heard(1).empty());
    part(0);
    part(2);  // the group ends, and begins anew
    outlet_.told.clear();
    join(0, 10);
    join(1, 10);
    EXPECT_TRUE(outlet_.told.empty());
    join(2, 11);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{1, 2}));
}

TEST_F(MemberNewsTest, ThatWaitIsHeardByWhoeverAsks) {
    join(0, 10);
    join(1, 10);
    news_.catch_up(0, true);
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{1}}));
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{1}, {1}}));  // and nothing twice
}

TEST_F(MemberNewsTest, ThatAreLargeDoNotWaitUntilTheyFitIntoNoMessage) {
    payload_ = std::string(60000, 'x');
    for (uint32_t rank = 0; rank < 8; ++rank) {
        join(rank, 100);
    }
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{1, 2, 3, 4}}));
}

class MemberNewsOfTheStore : public ::testing::Test {
 protected:
    std::unique_ptr<Server> server_ = start_server();
    std::shared_ptr<Client> one_ = connect(server_->endpoint(), "host-a", 1);
    std::shared_ptr<Client> two_ = connect(server_->endpoint(), "host-a", 2);
};

TEST_F(MemberNewsOfTheStore, HearAllTellsOfAGroupThatIsNotComplete) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(one_->join({kGroup, 0, 3, "", 3}, heard.listener(), soon()));
    MF_EXPECT_OK(two_->join(
        {kGroup, 1, 3, "", 3}, [](const auto&) {}, soon()));
    MF_EXPECT_OK(one_->set("key", "value", soon()));
    EXPECT_TRUE(heard.wait_for(0).empty());
    MF_EXPECT_OK(one_->hear_all(soon()));
    ASSERT_EQ(heard.wait_for(0).size(), 1U);
    EXPECT_EQ(heard.wait_for(0)[0].member.rank, 1U);
}

TEST_F(MemberNewsOfTheStore, WhoIsAnsweredKnowsWhoJoinedBefore) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(one_->join({kGroup, 0, 0, ""}, heard.listener(), soon()));
    for (uint32_t round = 1; round <= 50; ++round) {
        MF_EXPECT_OK(two_->join(
            {kGroup, 1, 0, ""}, [](const auto&) {}, soon()));
        MF_EXPECT_OK(two_->leave(kGroup, soon()));
        MF_EXPECT_OK(one_->hear_all(soon()));
        ASSERT_EQ(heard.wait_for(0).size(), size_t{2} * round);
    }
}

}  // namespace
}  // namespace memfabric::store::test
