// SPDX-License-Identifier: Apache-2.0
#include "memory/window.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "memory/window_segment.h"

namespace memfabric::memory {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kBase = 0x2000'0000'0000;
const Window kWindow(kBase, 4, RegionShape{2 * kMiB, 4 * kMiB});

TEST(Window, PutsHbmBeforeDramInEveryRegion) {
    EXPECT_EQ(kWindow.stride(), 6 * kMiB);
    EXPECT_EQ(kWindow.range(), (AddressRange{kBase, 24 * kMiB}));
    EXPECT_EQ(kWindow.region(3), (AddressRange{kBase + 18 * kMiB, 6 * kMiB}));
    EXPECT_EQ(kWindow.hbm(1), (AddressRange{kBase + 6 * kMiB, 2 * kMiB}));
    EXPECT_EQ(kWindow.dram(1), (AddressRange{kBase + 8 * kMiB, 4 * kMiB}));
}

TEST(Window, FindsTheRankOfAnAddress) {
    EXPECT_EQ(kWindow.rank_of(kBase), 0U);
    EXPECT_EQ(kWindow.rank_of(kBase + 6 * kMiB - 1), 0U);
    EXPECT_EQ(kWindow.rank_of(kBase + 6 * kMiB), 1U);
    EXPECT_EQ(kWindow.rank_of(kBase + 24 * kMiB - 1), 3U);
}

TEST(Window, FindsTheRankExactlyAtEveryBoundary) {
    for (const uint64_t granules : {1, 2, 3, 7, 1023, 4096, 8191, 32767}) {
        const uint32_t slots = 1024;
        const Window window(kBase, slots, RegionShape{granules * kRegionGranularity, 0});
        for (uint32_t rank = 0; rank < slots; ++rank) {
            ASSERT_EQ(window.rank_of(window.region(rank).begin), rank) << granules;
            ASSERT_EQ(window.rank_of(window.region(rank).end() - 1), rank) << granules;
        }
    }
}

TEST(RegionShape, ChecksSizes) {
    constexpr uint64_t kLimit = 64 * kMiB;
    EXPECT_TRUE(check_region_shape({2 * kMiB, 0}, kLimit).is_ok());
    EXPECT_TRUE(check_region_shape({0, kLimit}, kLimit).is_ok());
    EXPECT_EQ(check_region_shape({0, 0}, kLimit).code(), Code::kInvalidParam);
    EXPECT_EQ(check_region_shape({kMiB, 0}, kLimit).code(), Code::kInvalidParam);
    EXPECT_EQ(check_region_shape({0, 2 * kMiB + 1}, kLimit).code(), Code::kInvalidParam);
    EXPECT_EQ(check_region_shape({kLimit + 2 * kMiB, 0}, kLimit).code(), Code::kInvalidParam);
    EXPECT_EQ(check_region_shape({0, ~uint64_t{0} - 2 * kMiB + 1}, kLimit).code(), Code::kInvalidParam);
}

WindowSegment adopt_copy(const WindowSegment& original) {
    Fd copy(::fcntl(original.segment().descriptor(), F_DUPFD_CLOEXEC, 0));
    return WindowSegment::adopt(std::move(copy), kWindow).value();
}

TEST(WindowSegment, SharesMembershipBetweenItsMappings) {
    auto first = WindowSegment::create("test", kWindow, Options());
    ASSERT_TRUE(first.is_ok());
    const WindowSegment second = adopt_copy(*first);
    EXPECT_FALSE(second.is_member(2));
    first->announce(2, 77);
    EXPECT_EQ(second.epoch(2), 77U);
    EXPECT_FALSE(first->withdraw(2, 76)) << "the membership of somebody else";
    EXPECT_TRUE(second.is_member(2));
    EXPECT_TRUE(first->withdraw(2, 77));
    EXPECT_FALSE(second.is_member(2));
}

TEST(WindowSegment, RefusesTheSegmentOfAnotherWindow) {
    auto segment = WindowSegment::create("test", kWindow, Options());
    ASSERT_TRUE(segment.is_ok());
    Fd copy(::fcntl(segment->segment().descriptor(), F_DUPFD_CLOEXEC, 0));
    const Window other(kBase, 4, RegionShape{4 * kMiB, 2 * kMiB});  // of the same size
    const auto adopted = WindowSegment::adopt(std::move(copy), other);
    EXPECT_EQ(adopted.status().code(), Code::kRefused);
    EXPECT_NE(adopted.status().message().find("HBM 4194304"), std::string::npos)
        << adopted.status().message();
}

TEST(WindowSegment, GivesBackMemoryThatNobodyOwnsOnly) {
    auto segment = WindowSegment::create("test", kWindow, Options());
    ASSERT_TRUE(segment.is_ok());
    ASSERT_TRUE(segment->commit_region(kWindow, 1).is_ok());
    segment->announce(1, 5);
    const uint64_t offset = WindowSegment::window_offset() + kWindow.stride();
    const Mapping region = Mapping::shared(segment->segment().descriptor(), kWindow.stride(), offset).value();
    region.data()[0] = std::byte{9};
    ASSERT_TRUE(segment->discard_region(kWindow, 1).is_ok());
    EXPECT_EQ(region.data()[0], std::byte{9}) << "a member's memory is left alone";
    EXPECT_FALSE(segment->withdraw(1, 4)) << "so is a successor's membership";
    EXPECT_TRUE(segment->withdraw(1, 5));
    ASSERT_TRUE(segment->discard_region(kWindow, 1).is_ok());
    EXPECT_EQ(region.data()[0], std::byte{0});
}

TEST(WindowSegment, ASuccessorStartsWithZeros) {
    auto segment = WindowSegment::create("test", kWindow, Options());
    ASSERT_TRUE(segment.is_ok());
    ASSERT_TRUE(segment->commit_region(kWindow, 0).is_ok());
    const Mapping region =
        Mapping::shared(segment->segment().descriptor(), kWindow.stride(), WindowSegment::window_offset())
            .value();
    region.data()[kWindow.stride() - 1] = std::byte{1};
    segment->announce(0, 1);
    ASSERT_TRUE(segment->commit_region(kWindow, 0).is_ok());
    EXPECT_FALSE(segment->is_member(0));
    EXPECT_EQ(region.data()[kWindow.stride() - 1], std::byte{0});
}

}  // namespace
}  // namespace memfabric::memory
