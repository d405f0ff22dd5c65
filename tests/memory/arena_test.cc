// SPDX-License-Identifier: Apache-2.0
#include "memory/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "memory/segment.h"

namespace memfabric::memory {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kSize = 64 * kMiB;

/// Whether the page at the address can be read, found without touching it.
bool is_readable(uint64_t address) {
    unsigned char one = 0;
    Fd null_device(::memfd_create("probe", MFD_CLOEXEC));
    return ::write(null_device.get(), reinterpret_cast<const void*>(address), sizeof one) == 1;
}

std::vector<uint64_t> default_candidates() {
    return base_candidates(Options()).value();
}

/// The range that a refusal names: "... in the way: BEGIN-END ...".
AddressRange range_in_the_way(const std::string& text) {
    uint64_t begin = 0;
    uint64_t end = 0;
    const size_t place = text.find("in the way: ");
    if (place == std::string::npos ||
        std::sscanf(text.c_str() + place, "in the way: %" SCNx64 "-%" SCNx64, &begin, &end) != 2) {
        return {};
    }
    return {begin, end - begin};
}

TEST(Arena, DefaultCandidatesAreUsable) {
    const std::vector<uint64_t> usable = usable_bases(default_candidates(), kSize);
    ASSERT_FALSE(usable.empty());
    EXPECT_EQ(usable.front() % kRegionGranularity, 0U);
}

TEST(Arena, CandidatesComeFromTheOption) {
    Options options;
    ASSERT_TRUE(options.set(OptionId::kGvaBase, "0x200000000000,0x30000000").is_ok());
    EXPECT_EQ(base_candidates(options).value(), (std::vector<uint64_t>{0x200000000000, 0x30000000}));
}

TEST(Arena, CandidatesThatAreNoAddressesAreRefused) {
    for (const char* text : {"0x", "abc", "0x200000000001", "0", "0x200000000000,,", "-1"}) {
        Options options;
        ASSERT_TRUE(options.set(OptionId::kGvaBase, text).is_ok());
        const auto bases = base_candidates(options);
        EXPECT_EQ(bases.status().code(), Code::kInvalidParam) << text;
        EXPECT_NE(bases.status().message().find("MF_GVA_BASE"), std::string::npos);
    }
}

TEST(Arena, ReservedRangeIsInaccessibleAndTaken) {
    const uint64_t base = usable_bases(default_candidates(), kSize).front();
    const auto arena = Arena::reserve({base, kSize});
    ASSERT_TRUE(arena.is_ok()) << arena.status().message();
    EXPECT_FALSE(is_readable(base));
    EXPECT_FALSE(is_readable(base + kSize - 1));
    const auto second = Arena::reserve({base + kMiB, kMiB});
    ASSERT_FALSE(second.is_ok());
    EXPECT_EQ(second.status().code(), Code::kMallocFailed);
    // The text names the line of the maps that is in the way. The kernel may have joined our range with its
    // neighbours in one line.
    const std::string& text = second.status().message();
    const AddressRange named = range_in_the_way(text);
    EXPECT_TRUE(named.contains(base, kSize)) << text;
}

TEST(Arena, MapsASegmentAndTakesItBack) {
    const uint64_t base = usable_bases(default_candidates(), kSize).front();
    auto arena = Arena::reserve({base, kSize});
    ASSERT_TRUE(arena.is_ok());
    auto segment = Segment::create("test", 4 * kMiB, Options(), 0);
    ASSERT_TRUE(segment.is_ok());
    const AddressRange part{base + 8 * kMiB, 2 * kMiB};
    ASSERT_TRUE(arena->map(part, segment->descriptor(), 2 * kMiB).is_ok());
    std::memset(reinterpret_cast<void*>(part.begin), 0x5A, part.size);
    auto second = Mapping::shared(segment->descriptor(), 2 * kMiB, 2 * kMiB);
    ASSERT_TRUE(second.is_ok());
    EXPECT_EQ(second->data()[part.size - 1], std::byte{0x5A});
    ASSERT_TRUE(arena->unmap(part).is_ok());
    EXPECT_FALSE(is_readable(part.begin));
    EXPECT_FALSE(Arena::reserve(part).is_ok()) << "the address space stays reserved";
}

TEST(AddressRange, ContainsHasNoOverflow) {
    const AddressRange range{0x1000, 0x1000};
    EXPECT_TRUE(range.contains(0x1000, 0x1000));
    EXPECT_TRUE(range.contains(0x1FFF, 1));
    EXPECT_FALSE(range.contains(0x2000, 1));
    EXPECT_FALSE(range.contains(0xFFF, 2));
    EXPECT_FALSE(range.contains(0x1001, 0x1000));
    EXPECT_FALSE(range.contains(0x1800, UINT64_MAX));
    EXPECT_FALSE(range.contains(UINT64_MAX, 2));
}

}  // namespace
}  // namespace memfabric::memory
