// SPDX-License-Identifier: Apache-2.0
#include "bm/copy_request.h"

#include <gtest/gtest.h>

#include <limits>

#include "smem_bm_def.h"

namespace memfabric::bm {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST(Direction, HasTheValuesOfThePublicHeader) {
    EXPECT_EQ(static_cast<int>(Direction::kLocalToGlobal), SMEMB_COPY_L2G);
    EXPECT_EQ(static_cast<int>(Direction::kGlobalToLocal), SMEMB_COPY_G2L);
    EXPECT_EQ(static_cast<int>(Direction::kGlobalToHost), SMEMB_COPY_G2H);
    EXPECT_EQ(static_cast<int>(Direction::kHostToGlobal), SMEMB_COPY_H2G);
    EXPECT_EQ(static_cast<int>(Direction::kGlobalToGlobal), SMEMB_COPY_G2G);
    EXPECT_EQ(static_cast<int>(Direction::kAutomatic), SMEMB_COPY_AUTO);
    EXPECT_EQ(static_cast<int>(Direction::kCount), SMEMB_COPY_BUTT);
}

TEST(Direction, KnowsItsGlobalSides) {
    for (const Direction from : {Direction::kGlobalToLocal, Direction::kGlobalToHost,
                                 Direction::kGlobalHostToLocal, Direction::kGlobalHostToHost}) {
        EXPECT_TRUE(source_is_global(from)) << name_of(from);
        EXPECT_FALSE(destination_is_global(from)) << name_of(from);
    }
    for (const Direction to : {Direction::kLocalToGlobal, Direction::kHostToGlobal,
                               Direction::kLocalToGlobalHost, Direction::kHostToGlobalHost}) {
        EXPECT_FALSE(source_is_global(to)) << name_of(to);
        EXPECT_TRUE(destination_is_global(to)) << name_of(to);
    }
    EXPECT_TRUE(source_is_global(Direction::kGlobalToGlobal) &&
                destination_is_global(Direction::kGlobalToGlobal));
    EXPECT_FALSE(source_is_global(Direction::kAutomatic) || destination_is_global(Direction::kAutomatic));
}

TEST(ExtentOfRows, CountsToTheEndOfTheLastRow) {
    EXPECT_EQ(extent_of_rows(100, 30, 3).value(), 230U);
    EXPECT_EQ(extent_of_rows(100, 100, 1).value(), 100U);
    EXPECT_EQ(extent_of_rows(kMost, 1, 1).value(), 1U);
}

TEST(ExtentOfRows, RefusesWhatCannotBe) {
    for (const auto& extent : {extent_of_rows(10, 0, 1), extent_of_rows(10, 1, 0), extent_of_rows(9, 10, 1),
                               extent_of_rows(kMost, 1, 3), extent_of_rows(kMost - 5, 10, 2)}) {
        EXPECT_EQ(extent.status().code(), Code::kInvalidParam);
        EXPECT_NE(extent.status().message().find_first_of("0123456789"), std::string::npos);
    }
}

}  // namespace
}  // namespace memfabric::bm
