// SPDX-License-Identifier: Apache-2.0
#include "trans/memory_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

namespace memfabric::trans {
namespace {

using ::testing::HasSubstr;

std::span<std::byte> bytes_at(uint64_t address, size_t size) {
    return {reinterpret_cast<std::byte*>(address), size};
}

bool is_zero(std::span<const std::byte> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value == std::byte{0}; });
}

class Pool : public ::testing::Test {
 protected:
    Options options_;
    MemoryPool pool_{options_};
};

TEST_F(Pool, MemoryIsZeroedAlignedAndApart) {
    const uint64_t first = pool_.allocate(1).value();
    const uint64_t second = pool_.allocate(100'000).value();
    EXPECT_EQ(first % 65536, 0U);
    EXPECT_EQ(second % 65536, 0U);
    EXPECT_TRUE(is_zero(bytes_at(first, 65536)));
    EXPECT_TRUE(is_zero(bytes_at(second, 100'000)));
    std::memset(bytes_at(first, 65536).data(), 1, 65536);
    EXPECT_TRUE(is_zero(bytes_at(second, 100'000)));
    EXPECT_EQ(pool_.size_of(first), 65536U);
    EXPECT_EQ(pool_.size_of(second), 131072U);
    EXPECT_EQ(pool_.size_of(first + 1), 0U);
}

TEST_F(Pool, WhatWasGivenBackIsZeroedAndUsedAgain) {
    const uint64_t first = pool_.allocate(1 << 20).value();
    const uint64_t second = pool_.allocate(1 << 20).value();
    const uint64_t third = pool_.allocate(1 << 20).value();
    std::memset(reinterpret_cast<void*>(first), 7, 1 << 20);
    std::memset(reinterpret_cast<void*>(second), 7, 1 << 20);
    std::memset(reinterpret_cast<void*>(third), 9, 1 << 20);
    pool_.release(first);
    pool_.release(second);
    EXPECT_EQ(pool_.size_of(first), 0U);
    // The two make one place.
    const uint64_t both = pool_.allocate(2 << 20).value();
    EXPECT_EQ(both, std::min(first, second));
    EXPECT_TRUE(is_zero(bytes_at(both, 2 << 20)));
    EXPECT_EQ(*reinterpret_cast<unsigned char*>(third), 9);
}

TEST_F(Pool, ManyAllocationsShareFewSegments) {
    std::set<int> descriptors;
    std::set<uint64_t> addresses;
    for (int i = 0; i < 2000; ++i) {
        const uint64_t address = pool_.allocate(4096).value();
        addresses.insert(address);
        descriptors.insert(pool_.place_of(address).descriptor);
    }
    EXPECT_EQ(addresses.size(), 2000U);
    EXPECT_EQ(descriptors.size(), 1U);
}

TEST_F(Pool, APlaceNamesTheSegmentOfEveryByte) {
    const uint64_t address = pool_.allocate(65536).value();
    const MemoryPool::Place place = pool_.place_of(address + 65535);
    EXPECT_GE(place.descriptor, 0);
    EXPECT_LE(place.segment_base, address);
    EXPECT_GE(place.segment_base + place.segment_size, address + 65536);
    EXPECT_EQ(pool_.place_of(place.segment_base + place.segment_size).descriptor, -1);
    EXPECT_EQ(pool_.place_of(place.segment_base - 1).descriptor, -1);
}

TEST_F(Pool, ImpossibleSizesAreRefused) {
    EXPECT_EQ(pool_.allocate(0).status().code(), Code::kInvalidParam);
    EXPECT_EQ(pool_.allocate(UINT64_MAX).status().code(), Code::kInvalidParam);
    const Status more_than_there_is = pool_.allocate(uint64_t{1} << 45).status();
    EXPECT_EQ(more_than_there_is.code(), Code::kMallocFailed);
    EXPECT_THAT(more_than_there_is.message(), HasSubstr(std::to_string(uint64_t{1} << 45)));
    EXPECT_TRUE(pool_.allocate(1 << 20).is_ok());
}

TEST_F(Pool, WithoutHugePagesMemoryComesFromNormalOnes) {
    ASSERT_TRUE(options_.set(OptionId::kHugePages, "try").is_ok());
    MemoryPool pool(options_);
    const uint64_t address = pool.allocate(3 << 20).value();
    EXPECT_TRUE(is_zero(bytes_at(address, 3 << 20)));
    const uint64_t next = pool.allocate(65536).value();
    EXPECT_TRUE(is_zero(bytes_at(next, 65536)));
}

}  // namespace
}  // namespace memfabric::trans
