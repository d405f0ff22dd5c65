// SPDX-License-Identifier: Apache-2.0
#include "store/client_holdings.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace memfabric::store {
namespace {

Member member(uint32_t rank, uint64_t epoch) {
    return {rank, epoch, rank < 8 ? "host-a" : "host-b", "", 100 + epoch, {}};
}

std::string event(MemberEventKind kind, std::vector<Member> members) {
    MemberEventMessage message{"group", {}};
    for (Member& changed : members) {
        message.changes.push_back({static_cast<uint8_t>(kind), std::move(changed)});
    }
    return encode(message);
}

class ClientHoldingsTest : public ::testing::Test {
 protected:
    void join(const JoinReply& reply) {
        holdings_.note(Operation::kJoin, encode(JoinRequest{"group", 1, 0, "", 0, 7}), encode(reply));
    }
    void hear(MemberEventKind kind, std::vector<Member> members) {
        holdings_.note_event(Operation::kMemberEvent, event(kind, std::move(members)));
    }
    /// (rank, epoch, host) of whom a restarted store would be told.
    std::vector<std::tuple<uint32_t, uint64_t, std::string>> known() const {
        std::vector<std::tuple<uint32_t, uint64_t, std::string>> known;
        for (const auto& [operation, body] : holdings_.messages({}, 0)) {
            EXPECT_EQ(operation, Operation::kRestoreMember);
            const RestoreMember message = decode<RestoreMember>(body).value();
            for (const KnownMember& other : message.known) {
                EXPECT_EQ(other.ticket, 100 + other.epoch);
                known.emplace_back(other.rank, other.epoch, other.host_id);
            }
        }
        return known;
    }
    using Known = std::vector<std::tuple<uint32_t, uint64_t, std::string>>;

    ClientHoldings holdings_;
};

TEST_F(ClientHoldingsTest, KnowsWhoWasThereAndWhoCameAndWent) {
    join({5, 5, {member(0, 3), member(1, 5), member(9, 4)}});
    hear(MemberEventKind::kJoined, {member(2, 6), member(8, 7)});
    hear(MemberEventKind::kLost, {member(0, 3), member(2, 2)});
    EXPECT_EQ(known(), (Known{{2, 6, "host-a"}, {8, 7, "host-b"}, {9, 4, "host-b"}}));
}

TEST_F(ClientHoldingsTest, WhatOvertookTheReplyToTheJoinIsKnown) {
    // A reply is sent again where the connection broke; events that have come since are told before it.
    hear(MemberEventKind::kJoined, {member(2, 6), member(3, 7)});
    hear(MemberEventKind::kLeft, {member(0, 3), member(3, 7)});
    EXPECT_TRUE(known().empty());
    join({5, 5, {member(0, 3), member(1, 5)}});
    EXPECT_EQ(known(), (Known{{2, 6, "host-a"}}));
}

TEST_F(ClientHoldingsTest, OfAGroupThatIsToldTogetherItKnowsThoseFromBefore) {
    join({5, 3, {member(0, 3), member(1, 5)}});
    hear(MemberEventKind::kJoined, {member(0, 3), member(2, 4), member(1, 5), member(3, 6)});
    EXPECT_EQ(known(), (Known{{0, 3, "host-a"}, {2, 4, "host-a"}, {3, 6, "host-a"}}));
}

TEST_F(ClientHoldingsTest, JoinsFromBeforeTheOwnAreNotNews) {
    join({5, 5, {member(1, 5)}});
    hear(MemberEventKind::kJoined, {member(0, 3)});
    EXPECT_TRUE(known().empty());
    holdings_.note(Operation::kLeave, encode(KeyMessage{"group"}), {});
    EXPECT_TRUE(holdings_.messages({}, 0).empty());
}

}  // namespace
}  // namespace memfabric::store
