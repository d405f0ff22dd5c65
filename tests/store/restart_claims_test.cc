// SPDX-License-Identifier: Apache-2.0
// What a client may say that it held at an earlier start of the store, and what such words do to others.
#include "tests/store/rude_client.h"

namespace memfabric::store::test {
namespace {

constexpr uint64_t kInstance = 7;
constexpr uint64_t kBase = 0x200000000000;
constexpr uint64_t kPiece = 2 << 20;

/// A store that was started again and waits for its clients.
class Claims : public ::testing::Test {
 protected:
    static Options options() {
        Options options;
        MF_EXPECT_OK(options.set(OptionId::kStoreMaxMessage, "128K"));
        MF_EXPECT_OK(options.set(OptionId::kStoreMaxClientMemory, "1M"));
        return options;
    }
    static Identity identity() {
        Identity identity;
        identity.instance = kInstance;
        identity.is_restart = true;
        return identity;
    }
    void settle() { core_.expire(*core_.next_expiry()); }
    /// An epoch that an earlier store may have granted.
    static uint64_t epoch(uint64_t number) { return 1000 + number; }
    static RestoreRank rank(uint32_t rank, uint64_t number) {
        return {{"world", 4, false, rank, 0}, rank, epoch(number)};
    }
    static RestoreMember member(uint32_t rank, uint64_t number) {
        return {{"group", rank, 4, "payload", 0, number}, epoch(number), {}};
    }
    static RestoreKey key(uint64_t number) { return {"key", "value", epoch(number)}; }
    static RestoreWindow window(uint64_t number, const std::string& token = "token") {
        return {{"object", kPiece, 4, "shape"}, kBase, 1 << 30, kBase, epoch(number), token, "address"};
    }
    static RestoreArena arena() { return {{1 << 30, {kBase}}, {kBase, 1 << 30, true}}; }

    Core core_{options(), identity()};
    RudeClient honest_{core_, 1, kInstance};
    RudeClient liar_{core_, 2, kInstance};
};

TEST_F(Claims, WhileTheStoreSettlesTheLaterGrantWins) {
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreRank, rank(0, 1)));
    MF_EXPECT_OK(liar_.restore(Operation::kRestoreRank, rank(0, 2)));
    EXPECT_TRUE(honest_.is_given_up());
    MF_EXPECT_FAILURE(honest_.refusal, Code::kEvicted, "rank 0 in world 'world' was given to a newer process",
                      "pid 2 on host host");
    EXPECT_FALSE(liar_.is_given_up());
}

TEST_F(Claims, OnceItHasSettledAClaimTakesNothingFromAnybody) {
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreArena, arena()));
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreWindow, window(1)));
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreRank, rank(0, 1)));
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreMember, member(0, 1)));
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreKey, key(1)));
    settle();
    const auto lies = [&](Operation operation, const auto& claim) {
        RudeClient liar(core_, 3, kInstance);
        MF_EXPECT_OK(liar.restore(Operation::kRestoreArena, arena()));
        MF_EXPECT_OK(liar.restore(operation, claim));
        EXPECT_TRUE(liar.is_given_up());
        EXPECT_EQ(liar.refusal.code(), Code::kEvicted) << liar.refusal.message();
        EXPECT_FALSE(honest_.is_given_up());
    };
    lies(Operation::kRestoreRank, rank(0, 9));
    lies(Operation::kRestoreMember, member(0, 9));
    lies(Operation::kRestoreKey, key(9));
    lies(Operation::kRestoreWindow, window(9, "another token"));
}

TEST_F(Claims, WhoHasAskedForSomethingHasSaidWhatItHolds) {
    static_cast<void>(liar_.begin(Operation::kFind, KeyMessage{"key"}, 0));
    settle();
    const Status status = liar_.restore(Operation::kRestoreRank, rank(0, 1));
    EXPECT_TRUE(!status.is_ok() || liar_.last().code() == Code::kStoreInvalidMessage)
        << status.message() << liar_.last().message();
    MF_EXPECT_OK(honest_.ask(Operation::kAssignRank, RankRequest{"world", 4, false, 0, 0}));
}

TEST_F(Claims, OneRankOfAWorldIsAllThatAProcessHas) {
    MF_EXPECT_OK(liar_.restore(Operation::kRestoreRank, rank(0, 1)));
    MF_EXPECT_FAILURE(liar_.restore(Operation::kRestoreRank, rank(1, 2)), Code::kStoreInvalidMessage,
                      "rank 1 in world 'world'", "restored another one");
}

TEST_F(Claims, NoStoreHasGrantedWhatIsStillToCome) {
    for (const uint64_t never : {uint64_t{0}, UINT64_MAX}) {
        RestoreRank claim = rank(0, 0);
        claim.epoch = never;
        RudeClient liar(core_, 3, kInstance);
        MF_EXPECT_FAILURE(liar.restore(Operation::kRestoreRank, claim), Code::kStoreInvalidMessage,
                          "no store has granted epoch");
    }
}

TEST_F(Claims, MembersKnowNotMoreOthersThanThereCanBe) {
    RestoreMember claim = member(0, 1);
    claim.known.resize(kMaxWorldSize + 1);
    MF_EXPECT_FAILURE(liar_.restore(Operation::kRestoreMember, claim), Code::kStoreInvalidMessage,
                      "knows 1025 others");
    RudeClient other(core_, 3, kInstance);
    claim = member(0, 1);
    claim.request.payload.assign(70000, 'x');
    MF_EXPECT_OK(other.restore(Operation::kRestoreMember, claim));
    EXPECT_TRUE(other.is_given_up());
    MF_EXPECT_FAILURE(other.refusal, Code::kInvalidParam, "65536 bytes of itself, not 70000");
}

TEST_F(Claims, WindowsThatMakeNoSenseAreRefused) {
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreArena, arena()));
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreWindow, window(1)));
    const auto lies = [&](const RestoreWindow& claim, Code code) {
        RudeClient liar(core_, 3, kInstance);
        MF_EXPECT_OK(liar.restore(Operation::kRestoreArena, arena()));
        const Status status = liar.restore(Operation::kRestoreWindow, claim);
        EXPECT_TRUE(!status.is_ok() || liar.is_given_up());
        EXPECT_EQ(status.is_ok() ? liar.refusal.code() : status.code(), code);
        EXPECT_FALSE(honest_.is_given_up());
    };
    RestoreWindow claim = window(2, "");
    lies(claim, Code::kStoreInvalidMessage);
    claim = window(2, std::string(65, 't'));
    lies(claim, Code::kStoreInvalidMessage);
    claim = window(2);
    claim.base = kBase + (1 << 30);  // outside
    lies(claim, Code::kStoreInvalidMessage);
    claim = window(2);
    claim.request.stride = kPiece * 2;
    lies(claim, Code::kEvicted);
}

TEST_F(Claims, WhatOneMaySayHasAnEnd) {
    Status status;
    int said = 0;
    for (; status.is_ok() && !liar_.is_given_up() && said < 100; ++said) {
        status = liar_.restore(Operation::kRestoreKey,
                               RestoreKey{"key" + std::to_string(said), std::string(100000, 'v'), epoch(1)});
    }
    EXPECT_EQ(liar_.refusal.code(), Code::kEvicted) << liar_.refusal.message();
    EXPECT_LE(said, 11);
}

TEST_F(Claims, RoundsThatMakeNoSenseAreRefused) {
    const auto lies = [&](const RestoreRound& claim) {
        RudeClient liar(core_, 3, kInstance);
        MF_EXPECT_FAILURE(liar.restore(Operation::kRestoreRound, claim), Code::kStoreInvalidMessage,
                          "restoring");
    };
    lies({"group", 2, 4, 0, epoch(1), true, "", 0});
    lies({"group", 0, 4, 4, epoch(1), true, "", 0});
    lies({"group", 0, 0, 0, epoch(1), true, "", 0});
    lies({"group", 0, kMaxWorldSize + 1, 0, epoch(1), true, "", 0});
    lies({"group", 0, 4, 0, 0, true, "", 0});
}

TEST_F(Claims, OfARoundEachRankIsBelievedOnce) {
    const auto part = [&](uint32_t rank, const char* payload) {
        return RestoreRound{"group", 1, 3, rank, epoch(5), true, payload, 0};
    };
    RudeClient third(core_, 3, kInstance);
    MF_EXPECT_OK(honest_.restore(Operation::kRestoreRound, part(0, "a")));
    MF_EXPECT_OK(liar_.restore(Operation::kRestoreRound, part(0, "lie")));
    MF_EXPECT_OK(liar_.restore(Operation::kRestoreRound, part(1, "b")));
    MF_EXPECT_OK(
        third.restore(Operation::kRestoreRound, RestoreRound{"group", 1, 3, 2, epoch(1), false, "", 1}));
    EXPECT_FALSE(third.begin(Operation::kAllGather, RoundMessage{"group", 3, 2, "c"}, 0));
    settle();
    MF_EXPECT_OK(third.last());
    EXPECT_EQ(decode<GatheredMessage>(third.last_body()).value().payloads,
              (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(Claims, PartsOfRoundsBeyondTheLimitAreNotKept) {
    const std::string part(60000, 'p');
    RudeClient third(core_, 3, kInstance);
    MF_EXPECT_OK(
        honest_.restore(Operation::kRestoreRound, RestoreRound{"group", 1, 4, 0, epoch(5), true, part, 0}));
    MF_EXPECT_OK(
        liar_.restore(Operation::kRestoreRound, RestoreRound{"group", 1, 4, 1, epoch(5), true, part, 0}));
    MF_EXPECT_OK(
        liar_.restore(Operation::kRestoreRound, RestoreRound{"group", 1, 4, 2, epoch(5), true, part, 0}));
    MF_EXPECT_OK(
        third.restore(Operation::kRestoreRound, RestoreRound{"group", 1, 4, 3, epoch(1), false, "", 1}));
    EXPECT_FALSE(third.begin(Operation::kAllGather, RoundMessage{"group", 4, 3, "c"}, 0));
    settle();
    EXPECT_EQ(third.last().code(), Code::kMallocFailed) << third.last().message();
}

TEST_F(Claims, ASmallSettlingTimeIsNotProlongedByAnswersThatNobodyAskedFor) {
    MF_EXPECT_OK(liar_.restore(Operation::kVouched, VouchedMessage{{99, 1}, true}));
    MF_EXPECT_FAILURE(liar_.restore(Operation::kVouched, KeyMessage{"nonsense"}), Code::kStoreInvalidMessage);
    settle();
    MF_EXPECT_OK(honest_.ask(Operation::kSet, KeyValueMessage{"key", "value"}));
}

}  // namespace
}  // namespace memfabric::store::test
