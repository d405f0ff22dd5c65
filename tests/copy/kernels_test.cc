// SPDX-License-Identifier: Apache-2.0
#include "copy/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>

#include "tests/copy/arena.h"

namespace memfabric::copy {
namespace {

constexpr size_t kLargest = 1024;
constexpr size_t kAlignments = 64;

class KernelTest : public testing::TestWithParam<Kernel> {};

std::string name_of(const testing::TestParamInfo<Kernel>& info) {
    std::string name(info.param.name);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

/// Copies once and checks the bytes and one line of guard bytes on both sides.
void check_copy(const Kernel& kernel, size_t size, size_t to, size_t from) {
    static const std::array<std::byte, kLargest + 2 * kAlignments> source = [] {
        std::array<std::byte, kLargest + 2 * kAlignments> bytes{};
        for (size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
        }
        return bytes;
    }();
    alignas(64) static std::array<std::byte, kLargest + 3 * kAlignments> destination;
    const size_t begin = kAlignments + to;
    const size_t end = begin + size;
    std::memset(destination.data(), 0xA5, end + kAlignments);
    kernel.copy(destination.data() + begin, source.data() + from, size);
    store_fence();
    ASSERT_EQ(std::memcmp(destination.data() + begin, source.data() + from, size), 0)
        << kernel.name << ": " << size << " bytes from +" << from << " to +" << to;
    static const std::array<std::byte, kAlignments> guard = [] {
        std::array<std::byte, kAlignments> bytes{};
        bytes.fill(std::byte{0xA5});
        return bytes;
    }();
    ASSERT_TRUE(std::memcmp(destination.data() + begin - kAlignments, guard.data(), kAlignments) == 0 &&
                std::memcmp(destination.data() + end, guard.data(), kAlignments) == 0)
        << kernel.name << ": wrote outside of " << size << " bytes from +" << from << " to +" << to;
}

TEST_P(KernelTest, copies_every_small_size_at_every_alignment) {
    for (size_t size = 0; size <= kLargest; ++size) {
        for (size_t alignment = 0; alignment < kAlignments; ++alignment) {
            check_copy(GetParam(), size, alignment, 0);
            check_copy(GetParam(), size, 0, alignment);
            check_copy(GetParam(), size, alignment, (alignment * 37 + size) % kAlignments);
        }
        if (HasFatalFailure()) {
            return;
        }
    }
}

TEST_P(KernelTest, copies_large_odd_sizes) {
    constexpr size_t kMargin = 4096;
    constexpr std::array<size_t, 5> kSizes = {4095, 65537, 1048573, 3 * 1048576 + 1, 8 * 1048576 - 63};
    Arena arena(kSizes.back() + 2 * kMargin);
    for (const size_t size : kSizes) {
        for (const size_t shift : {size_t{0}, size_t{1}, size_t{31}, size_t{64}}) {
            arena.clear();
            arena.expect(kMargin + shift, kMargin - shift, size);
            GetParam().copy(arena.destination(kMargin + shift), arena.source(kMargin - shift), size);
            store_fence();
            ASSERT_TRUE(arena.holds()) << size << " bytes, shifted by " << shift;
        }
    }
}

TEST_P(KernelTest, takes_null_pointers_for_nothing) {
    GetParam().copy(nullptr, nullptr, 0);
    SUCCEED() << "UBSan would have spoken";
}

INSTANTIATE_TEST_SUITE_P(All, KernelTest,
                         testing::ValuesIn(available_kernels().begin(), available_kernels().end()), name_of);

TEST(Kernels, lists_the_plain_one_first_and_the_best_last) {
    ASSERT_FALSE(available_kernels().empty());
    EXPECT_EQ(plain_kernel().name, "memcpy");
    EXPECT_FALSE(plain_kernel().nontemporal);
    EXPECT_EQ(nontemporal_kernel().name, available_kernels().back().name);
    std::set<std::string_view> names;
    for (const Kernel& kernel : available_kernels()) {
        EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    }
}

TEST(Kernels, has_a_nontemporal_one_on_the_processors_we_know) {
#if defined(__x86_64__) || defined(__aarch64__)
    EXPECT_TRUE(nontemporal_kernel().nontemporal);
#else
    EXPECT_EQ(nontemporal_kernel().name, plain_kernel().name);
#endif
}

}  // namespace
}  // namespace memfabric::copy
