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
    /// Returns from which rank on joins are told to it.
    uint32_t join(uint32_t rank, uint32_t told_from = 0) {
        const Member member{rank, rank + 1, "host", payload_};
        return static_cast<uint32_t>(news_.join(kGroup, rank, told_from, member)) - 1;
    }
    /// Ranks 0 to count - 1.
    void join_all(uint32_t count, uint32_t told_from = 0) {
        for (uint32_t rank = 0; rank < count; ++rank) {
            join(rank, told_from);
        }
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
    join_all(5);
    part(2);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{1, 2, 3, 4, 2}));
    EXPECT_EQ(outlet_.heard(3), (Ranks{4, 2}));
    EXPECT_EQ(outlet_.heard(4), (Ranks{2}));
}

TEST_F(MemberNewsTest, ManyChangesAtOnceAreFewMessages) {
    constexpr uint32_t kMembers = 500;
    join_all(kMembers);
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
    join_all(kMembers);
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
    join_all(3, 4);
    news_.catch_up(0, false);
    EXPECT_FALSE(news_.next_due());
    EXPECT_TRUE(outlet_.told.empty());
    join(3, 4);
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{0, 1, 2, 3}}));
    EXPECT_EQ(outlet_.told[2], (std::vector<Ranks>{{0, 1, 2, 3}}));
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{0, 1, 2, 3}, {1}}));
    EXPECT_EQ(outlet_.told[3], (std::vector<Ranks>{{1}}));
}

TEST_F(MemberNewsTest, AGroupThatIsToldOnceItIsCompleteIsListedOnce) {
    constexpr uint32_t kMembers = 500;
    for (uint32_t rank = 0; rank < kMembers; ++rank) {
        // Who makes it complete is told of the others by the reply.
        EXPECT_EQ(join(rank, kMembers), rank + 1 < kMembers ? 0U : rank);
    }
    EXPECT_EQ(outlet_.bodies.size(), 1U);
    EXPECT_EQ(outlet_.heard(kMembers - 2).size(), kMembers);
    EXPECT_TRUE(outlet_.heard(kMembers - 1).empty());
    EXPECT_EQ(join(kMembers, kMembers), kMembers);  // as in any group
    let_time_pass();
    EXPECT_EQ(outlet_.told[0].back(), (Ranks{kMembers}));
}

TEST_F(MemberNewsTest, WhoeverGoesOrSaysAnotherNumberIsToldOfBeforeItIsComplete) {
    join_all(3, 10);
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{0, 1, 2, 1}));
    EXPECT_EQ(outlet_.heard(2), (Ranks{0, 1, 2, 1}));
    EXPECT_TRUE(outlet_.heard(1).empty());
    EXPECT_EQ(join(3, 10), 3U);
    part(0);
    part(2);
    part(3);  // the group ends, and begins anew
    outlet_.told.clear();
    join_all(2, 10);
    EXPECT_TRUE(outlet_.told.empty());
    EXPECT_EQ(join(2, 11), 2U);
    let_time_pass();
    EXPECT_EQ(outlet_.heard(0), (Ranks{0, 1, 2}));
}

TEST_F(MemberNewsTest, ThatWaitIsHeardByWhoeverAsks) {
    join_all(2, 10);
    news_.catch_up(0, true);
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{0, 1}}));
    part(1);
    let_time_pass();
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{0, 1}, {1}}));  // and nothing twice
}

TEST_F(MemberNewsTest, ThatAreLargeDoNotWaitUntilTheyFitIntoNoMessage) {
    payload_ = std::string(60000, 'x');
    join_all(4, 100);
    EXPECT_TRUE(outlet_.told.empty());
    EXPECT_EQ(join(4, 100), 4U);  // those before it are in its reply
    EXPECT_EQ(outlet_.told[0], (std::vector<Ranks>{{0, 1, 2, 3}}));
    EXPECT_EQ(outlet_.told[3], (std::vector<Ranks>{{0, 1, 2, 3}}));
    EXPECT_TRUE(outlet_.told[4].empty());
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

TEST_F(MemberNewsOfTheStore, WhoComesBeforeAGroupIsCompleteHearsOfAllTogether) {
    const std::shared_ptr<Client> three = connect(server_->endpoint(), "host-b", 3);
    const std::shared_ptr<Client> four = connect(server_->endpoint(), "host-b", 4);
    const auto ranks_of = [](const auto& members, const auto& rank_of) {
        std::set<uint32_t> ranks;
        for (const auto& member : members) {
            EXPECT_TRUE(ranks.insert(rank_of(member)).second);
        }
        return ranks;
    };
    const auto listed = [&](const JoinReply& reply) {
        return ranks_of(reply.members, [](const Member& member) { return member.rank; });
    };
    Heard<MemberEvent> heard;
    Heard<MemberEvent> heard_by_last;
    const auto ignore = [](const MemberEvent&) {};
    MF_EXPECT_OK(one_->join({kGroup, 0, 4, "zero", 4}, ignore, soon()));
    MF_EXPECT_OK(two_->join({kGroup, 1, 4, "one", 4}, ignore, soon()));
    const JoinReply third = three->join({kGroup, 2, 4, "two", 4}, heard.listener(), soon()).value();
    EXPECT_EQ(listed(third), (std::set<uint32_t>{0, 2}));
    EXPECT_LT(third.told_since, third.epoch);
    EXPECT_TRUE(heard.wait_for(0).empty());
    const JoinReply last = four->join({kGroup, 3, 4, "three", 4}, heard_by_last.listener(), soon()).value();
    EXPECT_EQ(listed(last), (std::set<uint32_t>{0, 1, 2, 3}));
    EXPECT_EQ(last.told_since, last.epoch);
    const auto events = heard.wait_for(3);
    EXPECT_EQ(ranks_of(events, [](const MemberEvent& event) { return event.member.rank; }),
              (std::set<uint32_t>{0, 1, 3}));
    EXPECT_EQ(events[1].member.payload, "one");
    EXPECT_EQ(events[1].member.host_id, "host-a");
    MF_EXPECT_OK(four->hear_all(soon()));
    EXPECT_TRUE(heard_by_last.wait_for(0).empty());
    MF_EXPECT_OK(two_->leave(kGroup, soon()));
    EXPECT_EQ(heard_by_last.wait_for(1)[0].member.rank, 1U);
    EXPECT_EQ(heard.wait_for(4)[3].kind, MemberEventKind::kLeft);
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
