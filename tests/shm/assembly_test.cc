// SPDX-License-Identifier: Apache-2.0
#include "shm/assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memfabric::shm {
namespace {

using store::JoinReply;
using store::Member;
using store::MemberEvent;
using store::MemberEventKind;
using ::testing::HasSubstr;

constexpr uint64_t kSize = 2U << 20;

Claim claim_of(uint32_t rank, uint32_t rank_size = 2, uint64_t size = kSize) {
    return {rank, rank + 1, {rank, rank_size, size, {}}};
}

Member claimant(const Claim& claim) {
    return {claim.world_rank, claim.epoch, "host", claim.encode()};
}

MemberEvent joined(const Member& member) {
    return {MemberEventKind::kJoined, member};
}

Deadline now() {
    return Deadline::after(std::chrono::milliseconds(0));
}

TEST(Claims, SurviveTheWay) {
    const Claim sent{7, 9, {3, 4, kSize, "why not"}};
    const Claim received = Claim::decode(7, 9, sent.encode());
    EXPECT_EQ(received.text(), sent.text());
    EXPECT_EQ(received.config.problem, "why not");
    EXPECT_EQ(Claim::decode(7, 9, claim_of(1).encode()).config.problem, "");
}

TEST(Claims, ThatMakeNoSenseAreProblems) {
    for (const char* payload : {"", "1", "1 2 3", "x 2 3 ", "1 2 99999999999999999999999 ", "-1 2 3 "}) {
        EXPECT_THAT(Claim::decode(0, 1, payload).config.problem, HasSubstr("no sense")) << payload;
    }
}

TEST(Claims, OfManyRanksAreQuotedInPart) {
    Claims claims;
    for (uint32_t rank = 0; rank < 100; ++rank) {
        claims[rank] = claim_of(rank, 100, rank == 1 ? 2 * kSize : kSize);
    }
    const Status refused = check_claims(claims);
    EXPECT_EQ(refused.code(), Code::kInvalidParam);
    EXPECT_THAT(refused.message(), HasSubstr("about the size"));
    EXPECT_THAT(refused.message(), HasSubstr("92 more"));
    EXPECT_LT(refused.message().size(), 1000U);
}

TEST(Assembly, IsCompleteOnceAllAgreeAndHaveJoined) {
    Assembly assembly(claim_of(0));
    assembly.take_claims({1, 1, {claimant(claim_of(0))}});
    EXPECT_THAT(assembly.wait_for_claims(now()).message(), HasSubstr("1 of 2 ranks came by the deadline"));
    assembly.on_claim(joined(claimant(claim_of(1))));
    EXPECT_TRUE(assembly.wait_for_claims(now()).is_ok());
    EXPECT_EQ(assembly.generation(), 2U);
    assembly.take_members({3, 3, {{0, 3, "host", ""}}});
    EXPECT_EQ(assembly.wait_for_members(now()).code(), Code::kTimeout);
    assembly.on_member(joined({1, 4, "host", ""}));
    EXPECT_TRUE(assembly.wait_for_members(now()).is_ok());
}

TEST(Assembly, DoesNotTakeOneWhoIsDoneForOneWhoGaveUp) {
    Assembly assembly(claim_of(0));
    assembly.take_claims({1, 1, {claimant(claim_of(0)), claimant(claim_of(1))}});
    // Rank 1 has seen all join and leaves the claims, before this process has the reply to its own join.
    assembly.on_claim({MemberEventKind::kLeft, claimant(claim_of(1))});
    EXPECT_TRUE(assembly.wait_for_claims(now()).is_ok());
    assembly.take_members({3, 3, {{0, 3, "host", ""}, {1, 4, "host", ""}}});
    EXPECT_TRUE(assembly.wait_for_members(now()).is_ok());
}

TEST(Assembly, WaitsForTheNextAttemptOfOneWhoGaveUpEarly) {
    Assembly assembly(claim_of(0, 3));
    assembly.take_claims({1, 1, {claimant(claim_of(0, 3)), claimant(claim_of(1, 3))}});
    assembly.on_claim({MemberEventKind::kLeft, claimant(claim_of(1, 3))});
    EXPECT_THAT(assembly.wait_for_claims(now()).message(), HasSubstr("missing: rank 1, 2"));
    assembly.on_claim(joined(claimant(claim_of(1, 3))));
    assembly.on_claim(joined(claimant(claim_of(2, 3))));
    EXPECT_TRUE(assembly.wait_for_claims(now()).is_ok());
}

TEST(Assembly, FailsWithWhomItLoses) {
    Assembly early(claim_of(0, 3));
    early.take_claims({1, 1, {claimant(claim_of(0, 3)), claimant(claim_of(1, 3))}});
    early.on_claim({MemberEventKind::kLost, claimant(claim_of(1, 3))});
    EXPECT_EQ(early.wait_for_claims(now()).code(), Code::kPeerLost);

    Assembly late(claim_of(0));
    late.take_claims({1, 1, {claimant(claim_of(0)), claimant(claim_of(1))}});
    late.take_members({3, 3, {{0, 3, "host", ""}}});
    late.on_claim({MemberEventKind::kLost, claimant(claim_of(1))});
    EXPECT_THAT(late.wait_for_members(now()).message(),
                HasSubstr("rank 1 (process 1 of the world) was lost"));
}

TEST(Assembly, FailsWithADisagreementForGood) {
    Assembly assembly(claim_of(0));
    assembly.take_claims({1, 1, {claimant(claim_of(0))}});
    assembly.on_claim(joined(claimant(claim_of(1, 3))));
    assembly.on_claim({MemberEventKind::kLeft, claimant(claim_of(1, 3))});
    assembly.on_claim(joined(claimant(claim_of(1))));
    EXPECT_THAT(assembly.wait_for_claims(now()).message(), HasSubstr("about the number of ranks"));
}

TEST(Assembly, FindsADisagreementOfWhoeverComesLater) {
    struct Case {
        Claim claim;
        const char* about;
    };
    const Case cases[] = {{{1, 9, {0, 4, kSize, {}}}, "who has which rank"},
                          {{1, 9, {1, 4, 2 * kSize, {}}}, "the size"},
                          {{1, 9, {1, 5, kSize, {}}}, "the number of ranks"},
                          {{1, 9, {1, 4, kSize, "no room"}}, "no room"}};
    for (const auto& [claim, about] : cases) {
        Assembly assembly(claim_of(0, 4));
        assembly.take_claims({1, 1, {claimant(claim_of(0, 4))}});
        assembly.on_claim(joined(claimant(claim_of(2, 4))));
        assembly.on_claim(joined(claimant(claim)));
        EXPECT_THAT(assembly.wait_for_claims(now()).message(), HasSubstr(about));
    }
}

}  // namespace
}  // namespace memfabric::shm
