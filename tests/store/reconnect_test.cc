// SPDX-License-Identifier: Apache-2.0
#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {
namespace {

Options lost_after(const char* duration) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kLostAfter, duration));
    return options;
}

/// A store that gives nobody up for a long time, and one client whose connection can be cut.
class Reconnect : public ::testing::Test {
 protected:
    std::unique_ptr<Server> server_ = start_server(lost_after("1m"));
    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect(proxy_.endpoint(), "host-a", 1);
    std::shared_ptr<Client> other_ = connect(server_->endpoint(), "host-a", 2);
};

TEST_F(Reconnect, CallsGoOnAfterACut) {
    for (int i = 0; i < 20; ++i) {
        proxy_.cut();
        EXPECT_EQ(client_->add("counter", 1, soon()).value(), i + 1);
    }
}

TEST_F(Reconnect, ARequestWhoseReplyWasLostIsDoneOnce) {
    proxy_.swallow_replies(true);
    auto adding = in_background([&] { return client_->add("counter", 1, soon()); });
    auto appending = in_background([&] { return client_->append("text", "abc", soon()); });
    proxy_.wait_swallowed(100);  // two replies of more than 40 bytes each
    EXPECT_EQ(other_->get("counter", soon()).value(), "1");
    proxy_.swallow_replies(false);
    proxy_.cut();
    EXPECT_EQ(adding.get().value(), 1);
    EXPECT_EQ(appending.get().value(), 3U);
    EXPECT_EQ(other_->get("counter", soon()).value(), "1");
    EXPECT_EQ(other_->get("text", soon()).value(), "abc");
}

TEST_F(Reconnect, ManyThreadsCountRightThroughManyCuts) {
    constexpr int kThreads = 4;
    constexpr int kEach = 200;
    std::vector<std::future<int>> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.push_back(in_background([&] {
            int failed = 0;
            for (int i = 0; i < kEach; ++i) {
                failed += client_->add("counter", 1, soon()).is_ok() ? 0 : 1;
            }
            return failed;
        }));
    }
    for (int cut = 0; cut < 20; ++cut) {
        proxy_.cut();
        MF_EXPECT_OK(other_->set("between", "cuts", soon()));
    }
    for (auto& thread : threads) {
        EXPECT_EQ(thread.get(), 0);
    }
    EXPECT_EQ(other_->get("counter", soon()).value(), std::to_string(kThreads * kEach));
}

TEST_F(Reconnect, ABarrierLastsThroughACut) {
    // The other one takes the same rank again and again until it is told that the round has it already.
    auto waiting = in_background([&] {
        Status status(Code::kDuplicatedObject, "");
        while (status.code() == Code::kDuplicatedObject) {
            status = client_->barrier("group", 2, 0, soon());
        }
        return status;
    });
    while (other_->barrier("group", 2, 0, briefly()).code() != Code::kDuplicatedObject) {
    }
    proxy_.cut();
    MF_EXPECT_OK(other_->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(waiting.get());
}

TEST_F(Reconnect, EventsOfTheTimeAwayArriveOnceAndInOrder) {
    Heard<std::string> heard;
    MF_EXPECT_OK(client_->watch(
        "key", [heard](std::string_view, const auto& value) { heard.add(value.value_or("removed")); },
        soon()));
    constexpr size_t kCount = 200;
    for (size_t i = 0; i < kCount; ++i) {
        if (i % 20 == 10) {
            proxy_.cut();
        }
        MF_EXPECT_OK(other_->set("key", std::to_string(i), soon()));
    }
    const std::vector<std::string> values = heard.wait_for(kCount);
    ASSERT_EQ(values.size(), kCount);
    for (size_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(values[i], std::to_string(i));
    }
}

TEST_F(Reconnect, CallsEndByTheirDeadlineWhileTheStoreIsAway) {
    proxy_.close_door(true);
    proxy_.cut();
    MF_EXPECT_FAILURE(client_->set("key", "value", briefly()), Code::kStoreSocket, "key", "127.0.0.1",
                      "broke");
    auto waiting = in_background([&] { return client_->set("key", "later", soon()); });
    proxy_.close_door(false);
    MF_EXPECT_OK(waiting.get());
    EXPECT_EQ(other_->get("key", soon()).value(), "later");
}

TEST_F(Reconnect, AStoreThatIsSilentIsTold) {
    proxy_.swallow_replies(true);
    MF_EXPECT_FAILURE(client_->set("key", "value", briefly()), Code::kStoreTimeout, "key", "did not answer");
}

/// A store that gives up soon who is away.
class Lost : public ::testing::Test {
 protected:
    void lose() {
        proxy_.close_door(true);
        proxy_.cut();
    }
    std::unique_ptr<Server> server_ = start_server(lost_after("50ms"));
    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect(proxy_.endpoint(), "host-a", 77);
    std::shared_ptr<Client> other_ = connect(server_->endpoint(), "host-a", 2);
};

TEST_F(Lost, MembersHearOfIt) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(other_->join({"group", 0, 2, ""}, heard.listener(), soon()));
    const JoinReply reply = client_
                                ->join(
                                    {"group", 1, 2, ""}, [](const MemberEvent&) {}, soon())
                                .value();
    lose();
    const std::vector<MemberEvent> events = heard.wait_for(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    EXPECT_EQ(events[1].member.rank, 1U);
    EXPECT_EQ(events[1].member.epoch, reply.epoch);
}

TEST_F(Lost, RoundsThatWaitForItFail) {
    MF_EXPECT_OK(client_->join(
        {"group", 1, 2, ""}, [](const MemberEvent&) {}, soon()));
    auto waiting = in_background([&] { return other_->all_gather("group", 2, 0, "payload", soon()); });
    lose();
    MF_EXPECT_FAILURE(waiting.get(), Code::kPeerLost, "rank 1", "pid 77", "lost");
    MF_EXPECT_FAILURE(other_->barrier("group", 2, 0, soon()), Code::kPeerLost, "rank 1");
}

TEST_F(Lost, ItsRankAndWindowAreFree) {
    const RankRequest wanted{"bm", 2, false, 1, 0};
    const WindowRequest window{"bm/1", 2 << 20, 2, "shape"};
    for (const auto& member : {client_, other_}) {
        MF_EXPECT_OK(member->agree_arena({1 << 30, {0x200000000000}}, soon()));
    }
    MF_EXPECT_OK(client_->assign_rank(wanted, soon()));
    EXPECT_TRUE(client_->acquire_window(window, soon()).value().creator);
    auto waiting = in_background([&] { return other_->acquire_window(window, soon()); });
    lose();
    EXPECT_TRUE(waiting.get().value().creator);
    EXPECT_EQ(other_->assign_rank(wanted, soon()).value().rank, 1U);
}

TEST_F(Lost, WhoAsksForTheRankOfOneThatIsAwayWaits) {
    const RankRequest wanted{"bm", 1, false, 0, 0};
    MF_EXPECT_OK(client_->assign_rank(wanted, soon()));
    MF_EXPECT_FAILURE(other_->assign_rank(wanted, soon()), Code::kDuplicatedObject);
    proxy_.close_door(true);
    proxy_.cut();
    EXPECT_EQ(other_->assign_rank(wanted, soon()).value().rank, 0U);
}

TEST_F(Lost, ItIsToldWhenItComesBack) {
    Heard<MemberEvent> heard;
    MF_EXPECT_OK(other_->join({"group", 0, 2, ""}, heard.listener(), soon()));
    MF_EXPECT_OK(client_->join(
        {"group", 1, 2, ""}, [](const MemberEvent&) {}, soon()));
    lose();
    ASSERT_EQ(heard.wait_for(2).size(), 2U);
    proxy_.close_door(false);
    MF_EXPECT_FAILURE(client_->set("key", "value", soon()), Code::kEvicted, "join anew");
    MF_EXPECT_FAILURE(client_->get("key", soon()), Code::kEvicted, "join anew");
}

}  // namespace
}  // namespace memfabric::store::test
