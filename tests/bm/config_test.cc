// SPDX-License-Identifier: Apache-2.0
#include "bm/config.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace memfabric::bm {
namespace {

WorldConfig good() {
    WorldConfig config;
    config.store_url = "tcp://127.0.0.1:1";
    config.world_size = 4;
    config.rank = 1;
    return config;
}

Status refusal(void (*spoil)(WorldConfig&)) {
    WorldConfig config = good();
    spoil(config);
    return complete_world_config(config);
}

TEST(WorldConfig, AGoodOneIsTaken) {
    WorldConfig config = good();
    ASSERT_TRUE(complete_world_config(config).is_ok());
    EXPECT_EQ(config.rank, 1U);
    EXPECT_EQ(slots_of(config), 4U);
}

TEST(WorldConfig, RefusesWhatCannotBe) {
    EXPECT_EQ(refusal([](WorldConfig& c) { c.world_size = 0; }).code(), Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.world_size = 1025; }).code(), Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.rank = 4; }).code(), Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.init_timeout = std::chrono::seconds(0); }).code(),
              Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.create_timeout = std::chrono::seconds(0); }).code(),
              Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.control_timeout = std::chrono::seconds(0); }).code(),
              Code::kInvalidParam);
    EXPECT_EQ(refusal([](WorldConfig& c) { c.unified_address_space = false; }).code(), Code::kInvalidParam);
}

TEST(WorldConfig, ADynamicWorldHasRoomForAllRanks) {
    WorldConfig config = good();
    config.dynamic_world_size = true;
    config.rank = 1023;
    EXPECT_TRUE(complete_world_config(config).is_ok());
    EXPECT_EQ(slots_of(config), 1024U);
}

TEST(WorldConfig, TheRankComesFromTheLauncherWhereNoneWasGiven) {
    WorldConfig config = good();
    config.rank.reset();
    EXPECT_EQ(complete_world_config(config).code(), Code::kInvalidParam);
    ASSERT_EQ(::setenv("MF_RANK", "3", 1), 0);
    ASSERT_EQ(::setenv("MF_WORLD_SIZE", "4", 1), 0);
    EXPECT_TRUE(complete_world_config(config).is_ok());
    EXPECT_EQ(config.rank, 3U);
    ::unsetenv("MF_RANK");
    ::unsetenv("MF_WORLD_SIZE");
}

TEST(WorldConfig, AutoRankingTakesNoRank) {
    WorldConfig config = good();
    config.auto_ranking = true;
    ASSERT_TRUE(complete_world_config(config).is_ok());
    EXPECT_FALSE(config.rank.has_value());
}

}  // namespace
}  // namespace memfabric::bm
