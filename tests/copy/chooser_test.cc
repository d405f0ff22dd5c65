// SPDX-License-Identifier: Apache-2.0
#include "copy/chooser.h"

#include <gtest/gtest.h>

#include "copy/cpu.h"

namespace memfabric::copy {
namespace {

constexpr size_t kKiB = 1024;

const std::byte* address(uint64_t number) {
    return reinterpret_cast<const std::byte*>(number);
}

class ChooserTest : public testing::Test {
 protected:
    /// Whether one copy of `size` bytes goes past the caches.
    static bool is_past(Chooser& chooser, uint64_t to, uint64_t from, size_t size,
                        Temperature temperature = Temperature::kAuto) {
        return chooser.choose(address(to), address(from), size, size, temperature).nontemporal;
    }

    void SetUp() override {
        if (!nontemporal_kernel().nontemporal) {
            GTEST_SKIP() << "this processor has one kernel only";
        }
    }

    Options options_;
};

TEST_F(ChooserTest, takes_new_places_for_cold_and_old_ones_for_hot) {
    Chooser chooser(options_);
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 64 * kKiB));
    EXPECT_FALSE(is_past(chooser, 0x100000000, 0x200000000, 64 * kKiB));
    EXPECT_TRUE(is_past(chooser, 0x100010000, 0x200000000, 64 * kKiB)) << "another destination";
    EXPECT_FALSE(is_past(chooser, 0x200000000, 0x300000000, 64 * kKiB)) << "the source of before";
}

TEST_F(ChooserTest, forgets_after_a_cache_full) {
    Chooser chooser(options_);
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 64 * kKiB));
    for (uint64_t offset = 0; offset < 2 * cache_share(); offset += 64 * kKiB) {
        is_past(chooser, 0x300000000 + offset, 0x400000000 + offset, 64 * kKiB);
    }
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 64 * kKiB));
}

TEST_F(ChooserTest, takes_what_is_larger_than_the_caches_for_cold) {
    Chooser chooser(options_);
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, cache_share()));
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, cache_share()));
}

TEST_F(ChooserTest, leaves_small_copies_to_memcpy) {
    Chooser chooser(options_);
    EXPECT_FALSE(is_past(chooser, 0x100000000, 0x200000000, 4 * kKiB));
    EXPECT_FALSE(is_past(chooser, 0x100000000, 0x200000000, 4 * kKiB - 1, Temperature::kCold));
}

TEST_F(ChooserTest, believes_the_caller) {
    Chooser chooser(options_);
    EXPECT_FALSE(is_past(chooser, 0x100000000, 0x200000000, 4 * cache_share(), Temperature::kHot));
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 4 * kKiB, Temperature::kCold));
}

TEST_F(ChooserTest, obeys_the_option_before_the_caller) {
    ASSERT_TRUE(options_.set(OptionId::kCopyKernel, "memcpy").is_ok());
    Chooser plain(options_);
    EXPECT_FALSE(is_past(plain, 0x100000000, 0x200000000, 4 * cache_share(), Temperature::kCold));
    ASSERT_TRUE(options_.set(OptionId::kCopyKernel, "nontemporal").is_ok());
    Chooser past(options_);
    EXPECT_TRUE(is_past(past, 0x100000000, 0x200000000, 4 * kKiB, Temperature::kHot));
}

TEST_F(ChooserTest, goes_by_size_alone_where_a_size_is_given) {
    ASSERT_TRUE(options_.set(OptionId::kCopyNontemporalMin, "1M").is_ok());
    Chooser chooser(options_);
    EXPECT_FALSE(is_past(chooser, 0x100000000, 0x200000000, 1024 * kKiB - 1));
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 1024 * kKiB));
    EXPECT_TRUE(is_past(chooser, 0x100000000, 0x200000000, 1024 * kKiB));
}

TEST(Cpu, knows_cores_and_cache) {
    EXPECT_GE(usable_cores(), 1U);
    EXPECT_GE(cache_share(), size_t{1} << 20);
    EXPECT_LE(cache_share(), size_t{1} << 31);
}

}  // namespace
}  // namespace memfabric::copy
