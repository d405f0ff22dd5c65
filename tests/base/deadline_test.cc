// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace memfabric {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST(DeadlineTest, NeverNeverExpires) {
    const Deadline never = Deadline::never();
    EXPECT_TRUE(never.is_never());
    EXPECT_FALSE(never.expired());
    EXPECT_EQ(never.remaining(), milliseconds::max());
    EXPECT_EQ(never.poll_timeout(), -1);
    EXPECT_EQ(never.poll_timeout(250), 250);
}

TEST(DeadlineTest, ZeroHasExpiredAtOnce) {
    const Deadline now = Deadline::after(0ms);
    EXPECT_TRUE(now.expired());
    EXPECT_EQ(now.remaining(), 0ms);
    EXPECT_EQ(now.poll_timeout(), 0);
    EXPECT_EQ(now.poll_timeout(100), 0);
}

TEST(DeadlineTest, NegativeHasExpired) {
    EXPECT_TRUE(Deadline::after(-5ms).expired());
    EXPECT_EQ(Deadline::after(-5ms).remaining(), 0ms);
}

TEST(DeadlineTest, RemainingIsRoundedUpAndWithinTheDuration) {
    const Deadline hour = Deadline::after(1h);
    EXPECT_FALSE(hour.expired());
    EXPECT_LE(hour.remaining(), 1h);
    EXPECT_GT(hour.remaining(), 59min);
    EXPECT_EQ(hour.poll_timeout(10), 10);
    EXPECT_GT(hour.poll_timeout(), 59 * 60 * 1000);
}

TEST(DeadlineTest, TheDocumentedMaximumOfSecondsDoesNotOverflow) {
    const Deadline far = Deadline::after_seconds(UINT32_MAX);
    EXPECT_FALSE(far.expired());
    EXPECT_GT(far.remaining(), std::chrono::hours(24 * 365 * 100));
    EXPECT_EQ(far.poll_timeout(), INT32_MAX);
    EXPECT_TRUE(Deadline::after(milliseconds::max()).is_never());
}

TEST(DeadlineTest, SoonerPicksTheEarlierWhicheverSideItIsOn) {
    const Deadline soon = Deadline::after(1s);
    const Deadline late = Deadline::after(1h);
    EXPECT_EQ(soon.sooner(late).when(), soon.when());
    EXPECT_EQ(late.sooner(soon).when(), soon.when());
    EXPECT_EQ(Deadline::never().sooner(late).when(), late.when());
}

}  // namespace
}  // namespace memfabric
