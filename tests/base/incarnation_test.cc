// SPDX-License-Identifier: Apache-2.0
#include "base/incarnation.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace memfabric {
namespace {

TEST(IncarnationTest, NamesThisProcess) {
    const Incarnation one = make_incarnation(Options());
    EXPECT_EQ(one.pid, ::getpid());
    EXPECT_GT(one.start_time, 0U);
    EXPECT_EQ(one.host_id, host_identity(Options()));
}

TEST(IncarnationTest, TwoOfOneProcessDifferInTheRandomPartOnly) {
    const Incarnation one = make_incarnation(Options());
    Incarnation two = make_incarnation(Options());
    EXPECT_NE(one, two);
    two.random_id = one.random_id;
    EXPECT_EQ(one, two);
}

TEST(IncarnationTest, HostIdentityIsTheOptionWhereGiven) {
    Options options;
    ASSERT_TRUE(options.set(OptionId::kHostId, "blade-7").is_ok());
    EXPECT_EQ(host_identity(options), "blade-7");
    EXPECT_EQ(host_identity(Options()).size(), 36U);  // the boot id, a UUID
}

TEST(IncarnationTest, TextHoldsEveryPart) {
    const Incarnation one{"blade-7", 12, 345, 0xabc};
    EXPECT_EQ(one.text(), "blade-7/12/345/0000000000000abc");
}

TEST(IncarnationTest, RandomNumbersDiffer) {
    EXPECT_NE(random_u64(), random_u64());
}

}  // namespace
}  // namespace memfabric
