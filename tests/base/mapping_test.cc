// SPDX-License-Identifier: Apache-2.0
#include "base/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "base/fd.h"

namespace memfabric {
namespace {

using testing::HasSubstr;

constexpr size_t kSize = size_t{64} << 10;

Fd make_segment(size_t size) {
    Fd fd(::memfd_create("mapping_test", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    return fd;
}

/// An address that is free right now: one that was just given back.
uint64_t free_address(size_t size) {
    const Fd fd = make_segment(size);
    return Mapping::shared(fd.get(), size).value().address();
}

TEST(MappingTest, TwoMappingsOfASegmentShareItsBytes) {
    const Fd fd = make_segment(kSize);
    const Mapping first = Mapping::shared(fd.get(), kSize).value();
    const Mapping second = Mapping::shared(fd.get(), kSize).value();
    EXPECT_NE(first.address(), second.address());
    EXPECT_EQ(first.size(), kSize);
    first.data()[kSize - 1] = std::byte{42};
    EXPECT_EQ(second.data()[kSize - 1], std::byte{42});
}

TEST(MappingTest, OffsetIsTheSegments) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const Fd fd = make_segment(2 * page);
    const Mapping whole = Mapping::shared(fd.get(), 2 * page).value();
    const Mapping tail = Mapping::shared(fd.get(), page, page).value();
    whole.data()[page] = std::byte{7};
    EXPECT_EQ(tail.data()[0], std::byte{7});
}

TEST(MappingTest, BadDescriptorSaysWhatFailed) {
    const Result<Mapping> mapping = Mapping::shared(-1, kSize);
    ASSERT_FALSE(mapping.is_ok());
    EXPECT_EQ(mapping.status().code(), Code::kMallocFailed);
    EXPECT_THAT(mapping.status().message(), HasSubstr("65536 bytes"));
    EXPECT_THAT(mapping.status().message(), HasSubstr("errno 9"));
}

TEST(MappingTest, ReservesExactlyThereAndOnlyOnce) {
    const uint64_t address = free_address(kSize);
    Result<Mapping> mapping = Mapping::reserve_at(address, kSize);
    ASSERT_TRUE(mapping.is_ok()) << mapping.status().message();
    EXPECT_EQ(mapping->address(), address);
    const Result<Mapping> again = Mapping::reserve_at(address, kSize);
    ASSERT_FALSE(again.is_ok());
    EXPECT_EQ(again.status().code(), Code::kMallocFailed);
    EXPECT_THAT(again.status().message(), HasSubstr(fmt::format("{:#x}", address)));
    mapping->reset();
    EXPECT_EQ(mapping->data(), nullptr);
    EXPECT_TRUE(Mapping::reserve_at(address, kSize).is_ok());
}

TEST(MappingTest, ReservedMemoryIsInaccessible) {
    const Mapping mapping = Mapping::reserve_at(free_address(kSize), kSize).value();
    // The kernel refuses to read it on our behalf.
    const Fd fd = make_segment(kSize);
    EXPECT_EQ(::write(fd.get(), mapping.data(), 1), -1);
    EXPECT_EQ(errno, EFAULT);
}

TEST(MappingTest, MoveHandsOver) {
    const Fd fd = make_segment(kSize);
    Mapping first = Mapping::shared(fd.get(), kSize).value();
    const uint64_t address = first.address();
    Mapping second = std::move(first);
    EXPECT_EQ(second.address(), address);
    Mapping third = Mapping::shared(fd.get(), kSize).value();
    const uint64_t given_back = third.address();
    third = std::move(second);
    EXPECT_EQ(third.address(), address);
    EXPECT_TRUE(Mapping::reserve_at(given_back, kSize).is_ok());
}

}  // namespace
}  // namespace memfabric
