// SPDX-License-Identifier: Apache-2.0
// What one client can make a store keep, and how many can keep it busy without saying who they are.
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>

#include "tests/store/raw_socket.h"
#include "tests/store/rude_client.h"

namespace memfabric::store::test {
namespace {

Options small_store() {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMessage, "128K"));
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxClientMemory, "1M"));
    return options;
}

class ClientLimits : public ::testing::Test {
 protected:
    Core core_{small_store()};
    RudeClient client_{core_};
};

KeyValueMessage set(uint64_t number) {
    return {"key" + std::to_string(number), "value"};
}

TEST_F(ClientLimits, AnOldCallThatWaitsDoesNotHoldUpTheOthers) {
    EXPECT_FALSE(client_.begin(Operation::kGet, KeyMessage{"never"}));
    for (uint64_t i = 0; i < 40000; ++i) {
        MF_EXPECT_OK(client_.ask(Operation::kSet, set(i % 100), 1));
    }
    // The last ones are answered again and not done again; the first were forgotten long ago.
    RudeClient other(core_, 2);
    MF_EXPECT_OK(other.ask(Operation::kRemove, KeyMessage{"key99"}));
    client_.requests -= 1;
    MF_EXPECT_OK(client_.ask(Operation::kSet, set(99), 1));
    EXPECT_EQ(other.ask(Operation::kRemove, KeyMessage{"key99"}).code(), Code::kStoreNotExist);
    client_.requests = 10;
    MF_EXPECT_OK(client_.ask(Operation::kSet, set(99), 1));
    MF_EXPECT_OK(other.ask(Operation::kRemove, KeyMessage{"key99"}));
}

TEST_F(ClientLimits, LargeRepliesAreKeptAsLongAsThereIsRoom) {
    RudeClient other(core_, 2);
    const std::string payload(15000, 'x');
    EXPECT_FALSE(client_.begin(Operation::kGet, KeyMessage{"never"}));
    for (uint64_t i = 0; i < 50; ++i) {
        EXPECT_FALSE(other.begin(Operation::kAllGather, RoundMessage{"group", 2, 1, payload}, i + 1));
        MF_EXPECT_OK(client_.ask(Operation::kAllGather, RoundMessage{"group", 2, 0, payload}, 1));
    }
    client_.requests -= 1;
    MF_EXPECT_OK(client_.ask(Operation::kAllGather, RoundMessage{"group", 2, 0, payload}, 1));
    client_.requests = 1;
    MF_EXPECT_FAILURE(client_.ask(Operation::kAllGather, RoundMessage{"group", 2, 0, payload}, 1),
                      Code::kError, "carried out", "MF_STORE_MAX_CLIENT_MEMORY");
}

TEST_F(ClientLimits, ARefusedRequestIsDoneWhenItComesAgainLater) {
    const auto gather = [](const std::string& number) {
        return RoundMessage{"group" + number, 2, 0, std::string(30000, 'x')};
    };
    const size_t waiting = client_.ask_until_refused(Operation::kAllGather, gather, 5000, false);
    RudeClient other(core_, 2);
    MF_EXPECT_OK(other.ask(Operation::kAllGather, RoundMessage{"group0", 2, 1, ""}));
    client_.requests -= 1;
    EXPECT_FALSE(client_.begin(Operation::kAllGather, gather(std::to_string(waiting)), 0)) << "it waits";
    MF_EXPECT_OK(other.ask(Operation::kAllGather, RoundMessage{"group" + std::to_string(waiting), 2, 1, ""}));
}

TEST_F(ClientLimits, WhatWaitsCounts) {
    const auto gather = [](const std::string& number) {
        return RoundMessage{"group" + number, 2, 0, std::string(30000, 'x')};
    };
    const size_t waiting = client_.ask_until_refused(Operation::kAllGather, gather, 5000);
    EXPECT_GT(waiting, 20U);
    EXPECT_LT(waiting, 40U);
    MF_EXPECT_FAILURE(client_.last(), Code::kMallocFailed, "MF_STORE_MAX_CLIENT_MEMORY", "1048576");
}

TEST_F(ClientLimits, SoManyRequestsMayWait) {
    Core core{Options()};
    RudeClient client(core);
    const auto get = [](const std::string& number) { return KeyMessage{"key" + number}; };
    EXPECT_EQ(client.ask_until_refused(Operation::kGet, get, 100000), 16384U);
    EXPECT_EQ(client.last().code(), Code::kMallocFailed);
}

TEST_F(ClientLimits, ALargeValueThatIsWatchedOftenIsNotKeptForEachWatch) {
    for (uint64_t watch = 0; watch < 1000; ++watch) {
        MF_EXPECT_OK(client_.ask(Operation::kWatch, WatchMessage{watch, "key"}, client_.requests + 1));
    }
    RudeClient writer(core_, 2);
    MF_EXPECT_OK(writer.ask(Operation::kSet, KeyValueMessage{"key", std::string(50000, 'x')}));
    EXPECT_LT(client_.event_bytes, 1200000U);
    EXPECT_GT(client_.event_bytes, 1000000U);
    core_.expire(Sessions::Clock::now());
    MF_EXPECT_FAILURE(client_.refusal, Code::kEvicted, "did not take its events");
}

TEST_F(ClientLimits, WhoMissedEventsDoesNotComeBackAsIfNothingHadHappened) {
    MF_EXPECT_OK(client_.ask(Operation::kWatch, WatchMessage{1, "key"}));
    RudeClient writer(core_, 2);
    for (int i = 0; i < 30; ++i) {
        MF_EXPECT_OK(writer.ask(Operation::kSet, KeyValueMessage{"key", std::string(50000, 'x')},
                                writer.requests + 1));
    }
    client_.come_back();
    MF_EXPECT_FAILURE(client_.refusal, Code::kEvicted, "did not take its events");
}

TEST_F(ClientLimits, WatchesMembershipsWorldsAndWindowsAreCounted) {
    Core core{Options()};
    RudeClient client(core);
    EXPECT_EQ(client.ask_until_refused(
                  Operation::kWatch,
                  [](const std::string& n) {
                      return WatchMessage{std::stoull(n), n};
                  },
                  100000),
              65536U);
    EXPECT_NE(client.last().message().find("watches 65536 keys"), std::string::npos);
    EXPECT_EQ(client.ask_until_refused(
                  Operation::kJoin,
                  [](const std::string& n) {
                      return JoinRequest{n, 0, 0, ""};
                  },
                  100000),
              4096U);
    EXPECT_NE(client.last().message().find("member of 4096 groups"), std::string::npos);
    EXPECT_EQ(client.ask_until_refused(
                  Operation::kAssignRank,
                  [](const std::string& n) {
                      return RankRequest{n, 4, true, std::nullopt, 0};
                  },
                  100000),
              4096U);
    EXPECT_NE(client.last().message().find("4096 worlds"), std::string::npos);
    MF_EXPECT_OK(client.ask(Operation::kAgreeArena, ArenaOffer{uint64_t{1} << 40, {uint64_t{1} << 45}},
                            client.requests + 1));
    EXPECT_EQ(client.ask_until_refused(
                  Operation::kAcquireWindow,
                  [](const std::string& n) {
                      return WindowRequest{n, uint64_t{2} << 20, 1, ""};
                  },
                  100000),
              16384U);
    EXPECT_NE(client.last().message().find("16384 windows"), std::string::npos);
    EXPECT_EQ(client.last().code(), Code::kMallocFailed);
    // What has ended does not count.
    MF_EXPECT_OK(client.ask(Operation::kUnwatch, Value<uint64_t>{7}));
    MF_EXPECT_OK(client.ask(Operation::kWatch, WatchMessage{7, "again"}));
    MF_EXPECT_OK(client.ask(Operation::kReleaseWindow, KeyMessage{"7"}));
    MF_EXPECT_OK(client.ask(Operation::kAcquireWindow, WindowRequest{"again", uint64_t{2} << 20, 1, ""}));
}

TEST_F(ClientLimits, WhatMembersSayOfThemselvesIsBounded) {
    MF_EXPECT_FAILURE(client_.ask(Operation::kJoin, JoinRequest{"group", 0, 0, std::string(65537, 'x')}),
                      Code::kInvalidParam, "65537");
    RudeClient other(core_, 2);
    RudeClient third(core_, 3);
    MF_EXPECT_OK(client_.ask(Operation::kJoin, JoinRequest{"group", 0, 0, std::string(60000, 'x')}));
    MF_EXPECT_OK(other.ask(Operation::kJoin, JoinRequest{"group", 1, 0, std::string(60000, 'x')}));
    MF_EXPECT_FAILURE(third.ask(Operation::kJoin, JoinRequest{"group", 2, 0, std::string(30000, 'x')}),
                      Code::kMallocFailed, "MF_STORE_MAX_MESSAGE");
    MF_EXPECT_OK(third.ask(Operation::kJoin, JoinRequest{"group", 2, 0, std::string(5000, 'x')}));
}

TEST(StoreLimits, ManyGroupsThatAllWaitDoNotKeepTheStoreBusy) {
    Core core{Options()};
    RudeClient one(core, 1);
    RudeClient two(core, 2);
    RudeClient three(core, 3);
    const auto begin = std::chrono::steady_clock::now();
    for (RudeClient* client : {&one, &two, &three}) {
        const auto name = std::to_string(reinterpret_cast<uintptr_t>(client)) + "/";
        client->ask_until_refused(
            Operation::kBarrier,
            [&](const std::string& number) {
                return RoundMessage{name + number, 2, 0, ""};
            },
            16384);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

std::string message_of(Operation operation, const std::string& body) {
    const HeaderBytes header = encode_header({operation, static_cast<uint32_t>(body.size()), 1, 0, 0});
    return std::string(header.data(), header.size()) + body;
}

/// Of a client that speaks the protocol by hand.
std::string greeting() {
    return message_of(Operation::kHello, encode(Hello{{"host", 1, 1, 1}, 0, 0, 0}));
}

const size_t kWelcomeSize = kHeaderSize + encode(Welcome{}).size();

TEST(StoreLimits, ConnectionsThatSayNothingAreNoClients) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxClients, "1"));
    const auto server = start_server(options);
    std::vector<std::unique_ptr<RawSocket>> silent;
    for (int i = 0; i < 20; ++i) {
        silent.push_back(std::make_unique<RawSocket>(server->endpoint()));
    }
    MF_EXPECT_OK(connect(server->endpoint())->set("key", "value", soon()));
}

TEST(StoreLimits, TheOldestOfManySilentConnectionsMakeRoom) {
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    const rlimit former = files;
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_cur < 3000) {
        GTEST_SKIP() << "needs 3000 descriptors, may have " << files.rlim_cur;
    }
    {
        Options options;
        MF_EXPECT_OK(options.set(OptionId::kStoreMaxClients, "100"));
        const auto server = start_server(options);
        std::vector<std::unique_ptr<RawSocket>> silent;
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < 1100; ++i) {
            silent.push_back(std::make_unique<RawSocket>(server->endpoint()));
        }
        MF_EXPECT_OK(connect(server->endpoint())->set("key", "value", soon()));
        EXPECT_EQ(silent.front()->receive_all(), "");
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5))
            << "not by its time limit";
        RawSocket& young = *silent.back();
        young.send(greeting());
        EXPECT_EQ(young.receive(kWelcomeSize).size(), kWelcomeSize) << "the youngest may still greet";
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &former), 0);
}

TEST(StoreLimits, HalfMessagesOfAllClientsTogetherAreBounded) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMessage, "1M"));
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMemory, "1M"));  // so two messages may be under way
    const auto server = start_server(options);
    const std::string message =
        message_of(Operation::kSet, encode(KeyValueMessage{"key", std::string(1000000, 'x')}));
    constexpr size_t kPart = 800000;
    std::vector<RawSocket> clients;
    std::vector<pollfd> polled;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(server->endpoint());
        clients.back().send(greeting());
        ASSERT_EQ(clients.back().receive(kWelcomeSize).size(), kWelcomeSize);
        polled.push_back({clients.back().descriptor(), POLLIN, 0});
    }
    for (RawSocket& client : clients) {
        client.send(std::string_view(message).substr(0, kPart));
    }
    // One is refused, whoever's bytes came last, and the others go on.
    ASSERT_EQ(::poll(polled.data(), polled.size(), 30000), 1);
    const auto refused = static_cast<size_t>(
        std::ranges::find_if(polled, [](const pollfd& one) { return one.revents != 0; }) - polled.begin());
    EXPECT_NE(clients.at(refused).receive_all().find("bytes of messages whose end has not come"),
              std::string::npos);
    RawSocket& other = clients.at((refused + 1) % clients.size());
    other.send(std::string_view(message).substr(kPart));
    EXPECT_EQ(other.receive(kHeaderSize).size(), kHeaderSize);
    EXPECT_EQ(connect(server->endpoint())->get("key", soon())->size(), 1000000U);
}

}  // namespace
}  // namespace memfabric::store::test
