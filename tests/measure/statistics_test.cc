// SPDX-License-Identifier: Apache-2.0
#include "tools/measure/statistics.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tools/measure/histogram.h"

namespace memfabric::measure {
namespace {

TEST(Statistics, finds_quantiles) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({7}), 7);
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(quantile({5, 1, 4, 2, 3}, 0), 1);
    EXPECT_EQ(quantile({5, 1, 4, 2, 3}, 1), 5);
}

TEST(Histogram, holds_nothing_at_first) {
    EXPECT_EQ(Histogram().count(), 0U);
    EXPECT_EQ(Histogram().quantile(0.5), 0U);
}

TEST(Histogram, is_exact_for_small_values) {
    Histogram histogram;
    for (uint64_t value = 0; value < 10; ++value) {
        histogram.add(value);
    }
    EXPECT_EQ(histogram.count(), 10U);
    EXPECT_EQ(histogram.quantile(0), 0U);
    EXPECT_EQ(histogram.quantile(0.5), 5U);
    EXPECT_EQ(histogram.quantile(1), 9U);
}

TEST(Histogram, errs_by_a_thirty_second_at_most) {
    for (uint64_t value = 1; value < uint64_t{1} << 62; value = value * 3 + 1) {
        Histogram histogram;
        histogram.add(value);
        const uint64_t found = histogram.quantile(0.5);
        EXPECT_GE(found, value);
        EXPECT_LE(found - value, value / 32) << value;
    }
    Histogram histogram;
    histogram.add(UINT64_MAX);
    EXPECT_EQ(histogram.quantile(0.5), UINT64_MAX);
}

TEST(Histogram, separates_the_many_from_the_few) {
    Histogram histogram;
    for (int i = 0; i < 985; ++i) {
        histogram.add(1000);
    }
    Histogram slow;
    for (int i = 0; i < 15; ++i) {
        slow.add(1000000);
    }
    histogram.merge(slow);
    EXPECT_EQ(histogram.count(), 1000U);
    EXPECT_LT(histogram.quantile(0.5), 1040U);
    EXPECT_GE(histogram.quantile(0.99), 1000000U);
}

}  // namespace
}  // namespace memfabric::measure
