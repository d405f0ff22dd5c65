// SPDX-License-Identifier: Apache-2.0
// The order in which clients hear of what happens: the same for everybody, whoever causes it.
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

constexpr uint32_t kMembers = 16;
constexpr uint32_t kRounds = 20;

class EventOrder : public ::testing::Test {
 protected:
    void SetUp() override {
        for (uint32_t rank = 0; rank < kMembers; ++rank) {
            clients_.push_back(connect(server_->endpoint(), "host-a", rank));
        }
    }

    /// Calls `action(rank, round)` of all ranks at once, kRounds times each; returns how many failed.
    template <typename Action>
    static int all_at_once(Action action) {
        std::vector<std::future<int>> running;
        for (uint32_t rank = 0; rank < kMembers; ++rank) {
            running.push_back(in_background([rank, &action] {
                int failed = 0;
                for (uint32_t round = 0; round < kRounds; ++round) {
                    failed += action(rank, round) ? 0 : 1;
                }
                return failed;
            }));
        }
        int failed = 0;
        for (auto& one : running) {
            failed += one.get();
        }
        return failed;
    }

    std::unique_ptr<Server> server_ = start_server();
    std::vector<std::shared_ptr<Client>> clients_;
};

std::string payload(uint32_t rank, uint32_t round) {
    return "rank " + std::to_string(rank) + ", round " + std::to_string(round);
}

/// Every rank joins and leaves in turn, and only that; epochs grow with the order of the joins.
void check_history(const std::vector<MemberEvent>& events) {
    std::vector<uint64_t> joined(kMembers, 0);
    std::vector<uint32_t> rounds(kMembers, 0);
    uint64_t last_epoch = 0;
    for (const MemberEvent& event : events) {
        const uint32_t rank = event.member.rank;
        ASSERT_LT(rank, kMembers);
        EXPECT_EQ(event.member.payload, payload(rank, rounds[rank]));
        if (event.kind == MemberEventKind::kJoined) {
            EXPECT_EQ(joined[rank], 0U) << "rank " << rank << " joins twice";
            EXPECT_GT(event.member.epoch, last_epoch);
            last_epoch = joined[rank] = event.member.epoch;
        } else {
            EXPECT_EQ(event.kind, MemberEventKind::kLeft);
            EXPECT_EQ(joined[rank], event.member.epoch) << "rank " << rank << " leaves what it did not join";
            joined[rank] = 0;
            ++rounds[rank];
        }
    }
    EXPECT_EQ(rounds, std::vector<uint32_t>(kMembers, kRounds));
}

TEST_F(EventOrder, AllWatchersHearOfJoinsAndLeavesInOneOrder) {
    constexpr uint32_t kWatchers = 3;
    std::vector<Heard<MemberEvent>> heard(kWatchers);
    std::vector<std::shared_ptr<Client>> watchers;
    for (uint32_t i = 0; i < kWatchers; ++i) {
        watchers.push_back(connect(server_->endpoint(), "host-b", 100 + i));
        MF_EXPECT_OK(watchers[i]->join({"group", 100 + i, kMembers + kWatchers, "watcher"},
                                       heard[i].listener(), soon()));
    }
    EXPECT_EQ(all_at_once([this](uint32_t rank, uint32_t round) {
                  const auto ignore = [](const MemberEvent&) {};
                  const auto joined = clients_[rank]->join(
                      {"group", rank, kMembers + kWatchers, payload(rank, round)}, ignore, soon());
                  return joined.is_ok() && clients_[rank]->leave("group", soon()).is_ok();
              }),
              0);
    constexpr size_t kEvents = size_t{2} * kMembers * kRounds;
    const std::vector<MemberEvent> first = heard[0].wait_for(kEvents + kWatchers - 1);
    // The first one heard of the other watchers, who joined before all else.
    ASSERT_EQ(first.size(), kEvents + kWatchers - 1);
    const std::vector<MemberEvent> history(first.begin() + kWatchers - 1, first.end());
    check_history(history);
    for (uint32_t i = 1; i < kWatchers; ++i) {
        const std::vector<MemberEvent> other = heard[i].wait_for(kEvents + kWatchers - 1 - i);
        ASSERT_EQ(other.size(), kEvents + kWatchers - 1 - i);
        for (size_t event = 0; event < kEvents; ++event) {
            const MemberEvent& theirs = other[other.size() - kEvents + event];
            EXPECT_EQ(theirs.kind, history[event].kind);
            EXPECT_EQ(theirs.member.epoch, history[event].member.epoch);
        }
    }
}

/// What a joiner is told and what it hears afterwards fit together: nobody is missed, nobody comes twice.
TEST_F(EventOrder, TheListOfMembersAndTheEventsAfterItHaveNoGap) {
    std::vector<Heard<MemberEvent>> heard(kMembers);
    std::vector<JoinReply> replies(kMembers);
    std::vector<std::future<bool>> joining;
    for (uint32_t rank = 0; rank < kMembers; ++rank) {
        joining.push_back(in_background([&, rank] {
            auto reply = clients_[rank]->join({"group", rank, kMembers, payload(rank, 0)},
                                              heard[rank].listener(), soon());
            if (reply.is_ok()) {
                replies[rank] = *reply;
            }
            return reply.is_ok();
        }));
    }
    for (auto& one : joining) {
        EXPECT_TRUE(one.get());
    }
    for (uint32_t rank = 0; rank < kMembers; ++rank) {
        std::vector<uint32_t> known(kMembers, 0);
        for (const Member& member : replies[rank].members) {
            ++known[member.rank];
        }
        const size_t missing = kMembers - replies[rank].members.size();
        for (const MemberEvent& event : heard[rank].wait_for(missing)) {
            EXPECT_EQ(event.kind, MemberEventKind::kJoined);
            ++known[event.member.rank];
        }
        EXPECT_EQ(known, std::vector<uint32_t>(kMembers, 1)) << "as rank " << rank << " sees it";
    }
    clients_.clear();  // before what they write to
}

/// Changes of one key by many clients: every watcher sees the last one, in an order in which each client's
/// own changes keep theirs.
TEST_F(EventOrder, WatchersSeeEachClientsChangesOfAKeyInItsOrder) {
    Heard<std::string> heard;
    const auto watcher = connect(server_->endpoint(), "host-b", 100);
    MF_EXPECT_OK(watcher->watch(
        "key",
        [heard](std::string_view, const std::optional<std::string>& value) {
            heard.add(value.value_or("removed"));
        },
        soon()));
    const int failed = all_at_once([this](uint32_t rank, uint32_t round) {
        return clients_[rank]->set("key", std::to_string(rank) + " " + std::to_string(round), soon()).is_ok();
    });
    EXPECT_EQ(failed, 0);
    const std::vector<std::string> values = heard.wait_for(size_t{kMembers} * kRounds);
    ASSERT_EQ(values.size(), size_t{kMembers} * kRounds);
    std::vector<uint32_t> next(kMembers, 0);
    for (const std::string& value : values) {
        const size_t space = value.find(' ');
        ASSERT_NE(space, std::string::npos) << value;
        const auto rank = static_cast<uint32_t>(std::stoul(value.substr(0, space)));
        EXPECT_EQ(std::stoul(value.substr(space + 1)), next.at(rank)++) << "of rank " << rank;
    }
    EXPECT_EQ(clients_[0]->find("key", soon()).value(), values.back());
}

}  // namespace
}  // namespace memfabric::store::test
