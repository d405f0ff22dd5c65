// SPDX-License-Identifier: Apache-2.0
#include "trans/region_cache.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

namespace memfabric::trans {
namespace {

using memory::AddressRange;
using transport::FabricPiece;

std::byte* at(uint64_t address) {
    return reinterpret_cast<std::byte*>(address);
}

copy::Piece write_piece(uint64_t local, uint64_t remote, size_t size) {
    return {at(remote), at(local), size};
}

RemoteRange reached(uint64_t begin, uint64_t size, uint64_t key) {
    return {{begin, size}, {key, 0, size}};
}

class RegionCacheTest : public testing::Test {
 protected:
    bool plan(const std::vector<copy::Piece>& pieces, Direction direction = Direction::kWrite) {
        use_.emplace(cache_);
        return cache_.plan(direction, pieces, planned_, *use_, unknown_);
    }
    void add(const std::vector<RemoteRange>& ranges) { cache_.add(ranges, cache_.revocations()); }
    RevokeAnswer revoke(uint64_t key) { return cache_.revoke({&key, 1}); }

    RegionCache cache_;
    std::optional<RegionCache::Use> use_;
    std::vector<FabricPiece> planned_;
    std::vector<AddressRange> unknown_;
};

TEST_F(RegionCacheTest, WhatIsUnknownIsToBeAskedForAndNeighboursAtOnce) {
    EXPECT_FALSE(plan({write_piece(1, 1000, 10), write_piece(11, 1010, 10), write_piece(50, 2000, 5)}));
    EXPECT_EQ(unknown_, (std::vector<AddressRange>{{1000, 20}, {2000, 5}}));
}

TEST_F(RegionCacheTest, APieceIsCutWhereRegionsMeet) {
    add({reached(1000, 100, 1), reached(1100, 100, 2)});
    ASSERT_TRUE(plan({write_piece(5000, 1090, 30), write_piece(6000, 1000, 100)}));
    ASSERT_EQ(planned_.size(), 3U);
    EXPECT_EQ(planned_[0].local, at(5000));
    EXPECT_EQ(planned_[0].region.key, 1U);
    EXPECT_EQ(planned_[0].offset, 90U);
    EXPECT_EQ(planned_[0].size, 10U);
    EXPECT_EQ(planned_[1].local, at(5010));
    EXPECT_EQ(planned_[1].region.key, 2U);
    EXPECT_EQ(planned_[1].offset, 0U);
    EXPECT_EQ(planned_[1].size, 20U);
    EXPECT_EQ(planned_[2].region.key, 1U);
    EXPECT_EQ(planned_[2].size, 100U);
}

TEST_F(RegionCacheTest, AReadGoesToThePiecesDestination) {
    add({reached(1000, 100, 1)});
    ASSERT_TRUE(plan({{at(77), at(1010), 5}}, Direction::kRead));
    EXPECT_EQ(planned_.front().local, at(77));
    EXPECT_EQ(planned_.front().offset, 10U);
}

TEST_F(RegionCacheTest, OnlyTheUnknownRestOfAPieceIsAskedFor) {
    add({reached(1000, 100, 1)});
    EXPECT_FALSE(plan({write_piece(1, 1050, 100)}));
    EXPECT_EQ(unknown_, (std::vector<AddressRange>{{1100, 50}}));
    EXPECT_FALSE(revoke(1).busy) << "a plan that lacks something uses nothing";
}

TEST_F(RegionCacheTest, ARevokedKeyIsBusyUntilItsTransferEnds) {
    add({reached(1000, 100, 1), reached(2000, 100, 2)});
    ASSERT_TRUE(plan({write_piece(1, 1000, 10)}));
    EXPECT_FALSE(revoke(2).busy);
    EXPECT_TRUE(revoke(1).busy);
    EXPECT_TRUE(revoke(1).busy) << "asking again changes nothing";
    use_.reset();
    const RevokeAnswer answer = revoke(1);
    EXPECT_FALSE(answer.busy);
    EXPECT_FALSE(answer.dirty);
    EXPECT_FALSE(plan({write_piece(1, 1000, 10)})) << "new transfers have to ask";
}

TEST_F(RegionCacheTest, AFailedTransferLeavesItsKeysDirty) {
    add({reached(1000, 100, 1), reached(2000, 100, 2)});
    ASSERT_TRUE(plan({write_piece(1, 1000, 10)}));
    use_->note_failure();
    use_.reset();
    EXPECT_TRUE(revoke(1).dirty);
    EXPECT_FALSE(revoke(2).dirty);
}

TEST_F(RegionCacheTest, AnAnswerFromBeforeARevocationIsDropped) {
    const uint64_t before = cache_.revocations();
    revoke(1);
    const std::array<RemoteRange, 1> late{reached(1000, 100, 1)};
    cache_.add(late, before);
    EXPECT_FALSE(plan({write_piece(1, 1000, 10)}));
}

TEST_F(RegionCacheTest, ANewRegionReplacesWhatItOverlaps) {
    add({reached(1000, 100, 1), reached(1100, 100, 2), reached(1200, 100, 3)});
    add({reached(1050, 200, 4)});
    ASSERT_TRUE(plan({write_piece(1, 1050, 200)}));
    EXPECT_EQ(planned_.size(), 1U);
    EXPECT_EQ(planned_.front().region.key, 4U);
    EXPECT_FALSE(plan({write_piece(1, 1000, 10)}));
    EXPECT_FALSE(plan({write_piece(1, 1299, 1)}));
}

TEST_F(RegionCacheTest, TheSameRegionToldTwiceKeepsItsTransfers) {
    add({reached(1000, 100, 1)});
    ASSERT_TRUE(plan({write_piece(1, 1000, 10)}));
    add({reached(1000, 100, 1)});
    EXPECT_TRUE(revoke(1).busy);
}

TEST_F(RegionCacheTest, DroppedRegionsAreAskedForAnewAndStillCount) {
    add({reached(1000, 100, 1)});
    ASSERT_TRUE(plan({write_piece(1, 1000, 10)}));
    cache_.drop(*use_);
    EXPECT_TRUE(revoke(1).busy);
    use_.reset();
    EXPECT_FALSE(plan({write_piece(1, 1000, 10)}));
}

}  // namespace
}  // namespace memfabric::trans
