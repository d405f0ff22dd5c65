// SPDX-License-Identifier: Apache-2.0
#include "store/client_handlers.h"

#include <gtest/gtest.h>

#include <new>
#include <utility>
#include <vector>

namespace memfabric::store {
namespace {

std::string event(MemberEventKind kind, uint64_t epoch) {
    return encode(MemberEventMessage{"group", {{static_cast<uint8_t>(kind), Member{1, epoch, "host", ""}}}});
}

/// Each of another rank.
std::string joins(const std::vector<uint64_t>& epochs) {
    MemberEventMessage message{"group", {}};
    for (const uint64_t epoch : epochs) {
        message.changes.push_back({static_cast<uint8_t>(MemberEventKind::kJoined),
                                   Member{static_cast<uint32_t>(epoch), epoch, "host", ""}});
    }
    return encode(message);
}

TEST(ClientHandlersTest, JoinsFromBeforeTheOwnAreNotTold) {
    // A process that left and joined again, while events of its former membership were on their way.
    std::vector<std::pair<MemberEventKind, uint64_t>> heard;
    ClientHandlers handlers;
    ASSERT_TRUE(handlers.add_group(
        "group", [&](const MemberEvent& told) { heard.emplace_back(told.kind, told.member.epoch); }));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 3));
    handlers.release_group("group", 5, 5);
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 4));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kLeft, 3));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 6));
    const std::vector<std::pair<MemberEventKind, uint64_t>> expected = {{MemberEventKind::kLeft, 3},
                                                                        {MemberEventKind::kJoined, 6}};
    EXPECT_EQ(heard, expected);
}

TEST(ClientHandlersTest, OfAGroupThatIsToldTogetherEarlierJoinsAreTold) {
    std::vector<uint64_t> heard;
    ClientHandlers handlers;
    ASSERT_TRUE(
        handlers.add_group("group", [&](const MemberEvent& told) { heard.push_back(told.member.epoch); }));
    handlers.deliver(Operation::kMemberEvent, joins({3, 4, 5, 6}));
    handlers.release_group("group", 5, 4);
    handlers.deliver(Operation::kMemberEvent, encode(MemberEventMessage{"group", {}}));
    EXPECT_EQ(heard, (std::vector<uint64_t>{4, 6}));  // the third is the own
}

/// Hears members, and has no memory for some.
class ForgetfulTest : public ::testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(handlers_.add_group("group", [this](const MemberEvent& told) {
            if (told.member.epoch == too_much_) {
                too_much_ = 0;
                throw std::bad_alloc();
            }
            heard_.push_back(told.member.epoch);
        }));
        handlers_.release_group("group", 1, 1);
    }

    uint64_t too_much_ = 0;
    std::vector<uint64_t> heard_;
    ClientHandlers handlers_;
};

TEST_F(ForgetfulTest, EachChangeOfABatchIsHeardOnceWhereverMemoryWasShort) {
    for (const uint64_t short_at : {2, 3, 4}) {
        heard_.clear();
        too_much_ = short_at;
        const std::string batch = joins({2, 3, 4});
        EXPECT_THROW(handlers_.deliver(Operation::kMemberEvent, batch), std::bad_alloc);
        handlers_.deliver(Operation::kMemberEvent, batch);  // as its owner does, before any other
        EXPECT_EQ(heard_, (std::vector<uint64_t>{2, 3, 4}));
    }
}

TEST_F(ForgetfulTest, TwoShortagesInOneBatch) {
    const std::string batch = joins({2, 3, 4});
    too_much_ = 2;
    EXPECT_THROW(handlers_.deliver(Operation::kMemberEvent, batch), std::bad_alloc);
    too_much_ = 4;
    EXPECT_THROW(handlers_.deliver(Operation::kMemberEvent, batch), std::bad_alloc);
    handlers_.deliver(Operation::kMemberEvent, batch);
    handlers_.deliver(Operation::kMemberEvent, joins({5}));
    EXPECT_EQ(heard_, (std::vector<uint64_t>{2, 3, 4, 5}));
}

TEST_F(ForgetfulTest, WhatWasHeardIsNotTakenForABatchThatIsDeliveredAgain) {
    // The same member comes, goes, and comes again with another epoch.
    handlers_.deliver(Operation::kMemberEvent, joins({2}));
    handlers_.deliver(Operation::kMemberEvent, event(MemberEventKind::kLost, 2));
    handlers_.deliver(Operation::kMemberEvent, event(MemberEventKind::kLost, 2));
    EXPECT_EQ(heard_, (std::vector<uint64_t>{2, 2, 2}));
}

TEST_F(ForgetfulTest, ABatchOfAGroupThatWasLeftMeanwhileIsDropped) {
    const std::string batch = joins({2, 3});
    too_much_ = 2;
    EXPECT_THROW(handlers_.deliver(Operation::kMemberEvent, batch), std::bad_alloc);
    handlers_.remove_group("group");
    handlers_.deliver(Operation::kMemberEvent, batch);
    EXPECT_TRUE(heard_.empty());
}

}  // namespace
}  // namespace memfabric::store
