// SPDX-License-Identifier: Apache-2.0
#include "base/last_error.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace memfabric {
namespace {

TEST(LastErrorTest, IsEmptyWhereNothingFailed) {
    std::thread([] {
        EXPECT_STREQ(last_error(), "");
        EXPECT_STREQ(take_last_error(), "");
    }).join();
}

TEST(LastErrorTest, TakingForgetsTheText) {
    set_last_error("first");
    set_last_error("second");
    EXPECT_STREQ(last_error(), "second");
    const char* const taken = take_last_error();
    EXPECT_STREQ(taken, "second");
    EXPECT_STREQ(last_error(), "");
    EXPECT_STREQ(taken, "second");  // still valid
    EXPECT_STREQ(take_last_error(), "");
}

TEST(LastErrorTest, IsPerThread) {
    set_last_error("mine");
    std::thread([] {
        EXPECT_STREQ(last_error(), "");
        set_last_error("theirs");
    }).join();
    EXPECT_STREQ(take_last_error(), "mine");
}

TEST(LastErrorTest, KeepsLongTexts) {
    const std::string text(100000, 'x');
    set_last_error(text);
    EXPECT_EQ(take_last_error(), text);
}

}  // namespace
}  // namespace memfabric
