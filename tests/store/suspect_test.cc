// SPDX-License-Identifier: Apache-2.0
// Whoever waits for long is told whom for, and who of them gives no sign.
#include "tests/store/log_lines.h"
#include "tests/store/rude_client.h"
#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {
namespace {

Options short_limits() {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kSuspectAfter, "200ms"));
    MF_EXPECT_OK(options.set(OptionId::kWaitNotice, "100ms"));
    MF_EXPECT_OK(options.set(OptionId::kLostAfter, "1m"));
    return options;
}

/// One client that hears everything, and one that can be made deaf: its host answers, it does not.
class Suspect : public ::testing::Test {
 protected:
    const HeardLog log_{LogLevel::kInfo};
    std::unique_ptr<Server> server_ = start_server(short_limits());
    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect(server_->endpoint(), "host-a", 1);
    std::shared_ptr<Client> other_ = connect(proxy_.endpoint(), "host-b", 77);
};

TEST_F(Suspect, ABarrierTellsWhomItWaitsForAndWhoGivesNoSign) {
    auto first = in_background([&] { return other_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(client_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(first.get());
    proxy_.swallow_replies(true);
    auto waiting = in_background([&] { return client_->barrier("group", 2, 0, soon()); });
    const Line line = log_lines.wait_for({"waiting for", "given no sign"});
    EXPECT_EQ(line.level, static_cast<int>(LogLevel::kWarn));
    for (const char* part : {"barrier of group 'group'", "1 of 2 ranks came so far", "missing: rank 1",
                             "rank 1 is pid 77 on host host-b at 127.0.0.1, which", "its host answers"}) {
        EXPECT_TRUE(has_part(line.text, part)) << "'" << part << "' is not in: " << line.text;
    }
    log_lines.wait_for({"pid 77", "is suspect"});
    EXPECT_FALSE(is_ready(waiting));  // who is suspect is waited for
    proxy_.swallow_replies(false);
    MF_EXPECT_OK(other_->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(waiting.get());
    log_lines.wait_for({"pid 77", "answers again"});
}

TEST_F(Suspect, ADeadlineNamesWhoGivesNoSign) {
    auto first = in_background([&] { return other_->all_gather("group", 2, 1, "b", soon()); });
    MF_EXPECT_OK(client_->all_gather("group", 2, 0, "a", soon()));
    MF_EXPECT_OK(first.get());
    proxy_.swallow_replies(true);
    MF_EXPECT_FAILURE(client_->all_gather("group", 2, 0, "a", Deadline::after(std::chrono::seconds(1))),
                      Code::kTimeout, "1 of 2 ranks came by the deadline", "rank 1 is pid 77",
                      "given no sign for");
}

TEST_F(Suspect, WhoeverIsLateAndAnswersIsNotSuspect) {
    auto first = in_background([&] { return other_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(client_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(first.get());
    MF_EXPECT_FAILURE(client_->barrier("group", 2, 0, Deadline::after(std::chrono::seconds(1))),
                      Code::kTimeout, "missing: rank 1", "pid 77");
    const Line line = log_lines.wait_for({"waiting for", "missing: rank 1", "pid 77"});
    EXPECT_EQ(line.level, static_cast<int>(LogLevel::kWarn));
    EXPECT_FALSE(log_lines.has({"no sign"}));
    EXPECT_FALSE(log_lines.has({"suspect"}));
}

TEST(WaitNotices, WarnOneProcessOfEachHost) {
    Core core{Options()};
    RudeClient first(core, 1, "host-a");
    RudeClient second(core, 2, "host-a");
    RudeClient third(core, 3, "host-b");
    uint32_t rank = 0;
    for (RudeClient* client : {&first, &second, &third}) {
        EXPECT_FALSE(client->begin(Operation::kBarrier, RoundMessage{"group", 4, rank++, ""}));
    }
    const auto now = Sessions::Clock::now();
    for (int seconds : {6, 7, 12}) {  // MF_WAIT_NOTICE is 5 s
        core.tend_waits(now + std::chrono::seconds(seconds));
    }
    for (const auto& [client, warns] : {std::pair(&first, true), {&second, false}, {&third, true}}) {
        ASSERT_EQ(client->notices.size(), 2U);
        for (const WaitNoticeMessage& notice : client->notices) {
            EXPECT_EQ(notice.warns, warns) << notice.text;
            EXPECT_TRUE(has_part(notice.text, "missing: rank 3")) << notice.text;
        }
    }
}

TEST_F(Suspect, WaitsForKeysRanksAndWindowsAreToldToo) {
    auto key = in_background([&] { return client_->get("missing key", soon()); });
    log_lines.wait_for({"waiting for", "key 'missing key' is not set"});
    MF_EXPECT_OK(other_->set("missing key", "x", soon()));
    EXPECT_EQ(key.get().value(), "x");

    auto rank = in_background([&] {
        return client_->assign_rank({"world", 2, false, std::nullopt, 0}, soon());
    });
    log_lines.wait_for({"waiting for", "world 'world'", "1 of 2 processes came so far", "1 missing"});
    MF_EXPECT_OK(other_->assign_rank({"world", 2, false, std::nullopt, 0}, soon()));
    MF_EXPECT_OK(rank.get());

    const auto neighbour = connect(server_->endpoint(), "host-a", 3);
    for (const auto& member : {client_, neighbour}) {
        MF_EXPECT_OK(member->agree_arena({1 << 30, {0x200000000000}}, soon()));
    }
    const WindowRequest window{"bm/1", 2 << 20, 2, "shape"};
    EXPECT_TRUE(client_->acquire_window(window, soon()).value().creator);
    auto segment = in_background([&] { return neighbour->acquire_window(window, soon()); });
    log_lines.wait_for({"waiting for", "window 'bm/1'", "makes its segment", "pid 1 on host host-a"});
    MF_EXPECT_OK(client_->publish_window_holder("bm/1", "address", soon()));
    MF_EXPECT_OK(segment.get());
}

TEST_F(Suspect, ARankWhoseHolderIsAwayIsTold) {
    const RankRequest wanted{"world", 1, false, 0, 0};
    MF_EXPECT_OK(other_->assign_rank(wanted, soon()));
    proxy_.close_door(true);
    proxy_.cut();
    auto waiting = in_background([&] { return client_->assign_rank(wanted, Deadline::after_seconds(2)); });
    log_lines.wait_for({"waiting for", "rank 0 in world 'world'", "its holder is away", "pid 77"});
    MF_EXPECT_FAILURE(waiting.get(), Code::kTimeout, "its holder is away");
}

}  // namespace
}  // namespace memfabric::store::test
