// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_target.h"
#include "transport/fabric/answer_book.h"
#include "transport/fabric/message_format.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::connect_to;
using test::start_here;

constexpr uint32_t kEcho = 7;

class FabricMessages : public test::FabricPair {};

std::string text_of(size_t size, unsigned seed) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + i / 256 + seed);
    }
    return text;
}

TEST_F(FabricMessages, ARequestOfAnySizeIsAnswered) {
    far_->serve(kEcho, [](std::string_view request) { return std::string(request) + "!"; });
    for (const size_t size : {size_t{0}, size_t{1}, size_t{900}, size_t{1025}, kLargestPayload - 1}) {
        const std::string sent = text_of(size, 3);
        const auto answer = near_->request(*peer_, kEcho, sent, Deadline::after(10s));
        ASSERT_TRUE(answer.is_ok()) << size << ": " << answer.status().message();
        EXPECT_EQ(*answer, sent + "!") << size;
    }
}

TEST_F(FabricMessages, ARequestThatIsTooLongIsRefusedWithBothSizes) {
    const auto answer = near_->request(*peer_, kEcho, text_of(kLargestPayload + 1, 0), Deadline::after(10s));
    EXPECT_EQ(answer.status().code(), Code::kInvalidParam);
    EXPECT_NE(answer.status().message().find("65537 bytes are more than 65536"), std::string::npos)
        << answer.status().message();
}

TEST_F(FabricMessages, AnAnswerThatIsTooLongIsTheCallersError) {
    far_->serve(kEcho, [](std::string_view) { return std::string(kLargestPayload + 1, 'x'); });
    const auto answer = near_->request(*peer_, kEcho, "?", Deadline::after(10s));
    EXPECT_EQ(answer.status().code(), Code::kError);
    EXPECT_NE(answer.status().message().find("answer of 65537 bytes"), std::string::npos)
        << answer.status().message();
}

TEST_F(FabricMessages, WhatIsNotServedIsSaid) {
    const auto answer = near_->request(*peer_, 99, "?", Deadline::after(10s));
    EXPECT_EQ(answer.status().code(), Code::kNotSupported);
    EXPECT_NE(answer.status().message().find("rank 1 on host there"), std::string::npos);
    EXPECT_NE(answer.status().message().find("number 99"), std::string::npos) << answer.status().message();
}

TEST_F(FabricMessages, AServiceThatEndedDoesNotRun) {
    std::atomic<bool> ended{false};
    std::atomic<bool> ran_later{false};
    far_->serve(kEcho, [&](std::string_view) {
        ran_later = ran_later || ended;
        return std::string();
    });
    std::jthread asking([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            static_cast<void>(near_->request(*peer_, kEcho, "?", Deadline::after(10s)));
        }
    });
    ASSERT_TRUE(near_->request(*peer_, kEcho, "?", Deadline::after(10s)).is_ok());
    far_->serve(kEcho, nullptr);
    ended = true;
    EXPECT_EQ(near_->request(*peer_, kEcho, "?", Deadline::after(10s)).status().code(), Code::kNotSupported);
    asking.request_stop();
    asking.join();
    EXPECT_FALSE(ran_later);
}

TEST_F(FabricMessages, ManyThreadsAskAndEachGetsItsOwnAnswer) {
    far_->serve(kEcho, [](std::string_view request) { return std::string(request); });
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned thread = 0; thread < 6; ++thread) {
            threads.emplace_back([&, thread] {
                for (unsigned i = 0; i < 100; ++i) {
                    const std::string sent = text_of(i * 37 % 3000, thread * 100 + i);
                    const auto answer = near_->request(*peer_, kEcho, sent, Deadline::after(20s));
                    wrong += answer.is_ok() && *answer == sent ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
}

TEST_F(FabricMessages, BothSidesAskEachOtherAtOnce) {
    const auto back = connect_to(*far_, near_->address());
    far_->serve(kEcho, [](std::string_view) { return std::string("far"); });
    near_->serve(kEcho, [](std::string_view) { return std::string("near"); });
    std::atomic<int> wrong{0};
    std::jthread other([&] {
        for (int i = 0; i < 200; ++i) {
            const auto answer = far_->request(*back, kEcho, "?", Deadline::after(20s));
            wrong += answer.is_ok() && *answer == "near" ? 0 : 1;
        }
    });
    for (int i = 0; i < 200; ++i) {
        const auto answer = near_->request(*peer_, kEcho, "?", Deadline::after(20s));
        wrong += answer.is_ok() && *answer == "far" ? 0 : 1;
    }
    other.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(FabricMessages, OnlySoManyRequestsWait) {
    constexpr int kMost = 1024;
    constexpr int kThreads = 32;
    constexpr int kEach = 40;
    static_assert(kThreads * kEach > kMost);
    std::atomic<bool> goes_on{false};
    std::atomic<int> ran{0};
    far_->serve(kEcho, [&](std::string_view) {
        ++ran;
        while (!goes_on) {
            std::this_thread::sleep_for(1ms);
        }
        return std::string();
    });
    // The thread that serves is in there: what comes meanwhile is read by who waits for an answer of its own.
    const auto back = connect_to(*far_, near_->address());
    near_->serve(kEcho, [](std::string_view) { return std::string(); });
    std::jthread asking([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            static_cast<void>(far_->request(*back, kEcho, "?", Deadline::after(10s)));
        }
    });
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&] {
                for (int i = 0; i < kEach; ++i) {
                    const auto answer = near_->request(*peer_, kEcho, "?", Deadline::after(30ms));
                    wrong += answer.status().code() == Code::kTimeout ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(ran, 1);
    EXPECT_TRUE(near_->ping(*peer_, Deadline::after(10s)).is_ok());  // and so all of them have been read
    goes_on = true;
    const auto later = near_->request(*peer_, kEcho, "?", Deadline::after(20s));
    EXPECT_TRUE(later.is_ok()) << later.status().message();
    EXPECT_EQ(ran, kMost + 1) << "those that came when so many waited were dropped";
    asking.request_stop();
    asking.join();
    far_->serve(kEcho, nullptr);
}

TEST_F(FabricMessages, APingIsAnswered) {
    const Status answered = near_->ping(*peer_, Deadline::after(10s));
    EXPECT_TRUE(answered.is_ok()) << answered.message();
}

TEST_F(FabricMessages, AnAbandonedPeerIsNotWaitedFor) {
    peer_->abandon(failure(Code::kPeerLost, "rank 1 is gone"));
    const Status ping = near_->ping(*peer_, Deadline::after(10s));
    EXPECT_EQ(ping.code(), Code::kPeerLost);
    EXPECT_EQ(ping.message(), "rank 1 is gone");
}

TEST(FabricStoppedTarget, APingEndsByTheDeadlineAndIsAnsweredLater) {
    const test::FabricTarget target;
    const auto transport = start_here();
    const auto peer = connect_to(*transport, target.address());
    ASSERT_TRUE(transport->ping(*peer, Deadline::after(10s)).is_ok());
    target.stop();
    const Status silent = transport->ping(*peer, Deadline::after(300ms));
    EXPECT_EQ(silent.code(), Code::kTimeout);
    EXPECT_NE(silent.message().find("no answer came"), std::string::npos) << silent.message();
    target.go_on();
    EXPECT_TRUE(transport->ping(*peer, Deadline::after(10s)).is_ok());
}

TEST(FabricAnswerBook, ARequestThatComesTwiceIsCarriedOutOnce) {
    using Novelty = AnswerBook::Novelty;
    AnswerBook book;
    EXPECT_EQ(book.enter(1, 5, 5), Novelty::kNew);
    EXPECT_EQ(book.enter(1, 5, 5), Novelty::kUnderWay);
    book.answered(1, 5, std::make_shared<const Answer>(Answer{Code::kOk, "yes"}));
    EXPECT_EQ(book.enter(1, 5, 5), Novelty::kAnswered);
    EXPECT_EQ(book.answer(1, 5)->bytes, "yes");
    EXPECT_EQ(book.enter(1, 6, 5), Novelty::kNew);
    EXPECT_EQ(book.enter(1, 7, 7), Novelty::kNew);
    EXPECT_EQ(book.enter(1, 6, 6), Novelty::kStale);
    EXPECT_EQ(book.enter(2, 5, 5), Novelty::kNew) << "another sender";
}

TEST(FabricAnswerBook, LongAnswersThatNobodyFetchedAreNotKeptForever) {
    AnswerBook book;
    book.enter(1, 5, 5);
    book.answered(1, 5, std::make_shared<const Answer>(Answer{Code::kOk, std::string(1000, 'x')}));
    book.shrink(AnswerBook::Clock::now());
    EXPECT_EQ(book.answer(1, 5)->bytes.size(), 1000U);
    book.shrink(AnswerBook::Clock::now() + 2min);
    EXPECT_EQ(book.answer(1, 5)->code, Code::kError);
    EXPECT_EQ(book.enter(1, 5, 5), AnswerBook::Novelty::kAnswered) << "still not carried out twice";
}

TEST(FabricMessageFormat, WhatIsEncodedIsDecoded) {
    Message sent;
    sent.type = MessageType::kAnswer;
    sent.service = 12;
    sent.code = Code::kRefused;
    sent.id = ~uint64_t{0};
    sent.oldest = 3;
    sent.from = 4;
    sent.to = 5;
    sent.reply_to = "address";
    sent.payload = "payload";
    std::string bytes(sent.encoded_size(), '\0');
    sent.encode(reinterpret_cast<std::byte*>(bytes.data()));
    const auto read = Message::decode(bytes);
    ASSERT_TRUE(read.is_ok());
    EXPECT_EQ(read->type, sent.type);
    EXPECT_EQ(read->service, sent.service);
    EXPECT_EQ(read->code, sent.code);
    EXPECT_EQ(read->id, sent.id);
    EXPECT_EQ(read->oldest, sent.oldest);
    EXPECT_EQ(read->from, sent.from);
    EXPECT_EQ(read->to, sent.to);
    EXPECT_EQ(read->reply_to, sent.reply_to);
    EXPECT_EQ(read->payload, sent.payload);
}

TEST(FabricMessageFormat, NoLengthIsTrusted) {
    Message sent;
    sent.reply_to = "address";
    std::string bytes(sent.encoded_size(), '\0');
    sent.encode(reinterpret_cast<std::byte*>(bytes.data()));
    for (size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(Message::decode(std::string_view(bytes).substr(0, size)).is_ok()) << size;
    }
    EXPECT_TRUE(Message::decode(bytes).is_ok());
    std::string wrong_magic = bytes;
    wrong_magic[0] = 'x';
    EXPECT_FALSE(Message::decode(wrong_magic).is_ok());
    std::string wrong_type = bytes;
    wrong_type[4] = 9;
    EXPECT_FALSE(Message::decode(wrong_type).is_ok());
}

}  // namespace
}  // namespace memfabric::transport
