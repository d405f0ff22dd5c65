// SPDX-License-Identifier: Apache-2.0
#include "base/per_thread.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace memfabric {
namespace {

/// What has ended, in order. The threads of these tests run one at a time.
std::vector<std::string>& ended() {
    static std::vector<std::string> names;
    return names;
}

struct First {
    ~First() { ended().push_back("first " + text); }
    std::string text;
};

struct Second {
    ~Second() {
        ended().push_back("second " + text);
        per_thread<First>().text += ", seen by the second";
    }
    std::string text;
};

TEST(PerThread, IsOneForEachThreadAndEndsWithIt) {
    ended().clear();
    per_thread<First>().text = "of the test's thread";
    std::thread([] {
        EXPECT_EQ(per_thread<First>().text, "");
        per_thread<First>().text = "of another";
        EXPECT_EQ(per_thread<First>().text, "of another");
        EXPECT_TRUE(ended().empty());
    }).join();
    EXPECT_EQ(ended(), std::vector<std::string>{"first of another"});
    EXPECT_EQ(per_thread<First>().text, "of the test's thread");
}

TEST(PerThread, TheLastEndsFirst) {
    ended().clear();
    std::thread([] {
        per_thread<First>().text = "one";
        per_thread<Second>().text = "two";
    }).join();
    EXPECT_EQ(ended(), (std::vector<std::string>{"second two", "first one, seen by the second"}));
}

TEST(PerThread, WhatAnotherUsesWhenItEndsIsMadeAgainAndEndsToo) {
    ended().clear();
    std::thread([] {
        per_thread<Second>().text = "two";
        per_thread<First>().text = "one";
    }).join();
    EXPECT_EQ(ended(), (std::vector<std::string>{"first one", "second two", "first , seen by the second"}));
}

TEST(PerThread, OfManyThreadsAfterEachOtherEachEnds) {
    ended().clear();
    constexpr int kThreads = 500;
    for (int i = 0; i < kThreads; ++i) {
        std::thread([i] { per_thread<First>().text = std::to_string(i); }).join();
    }
    ASSERT_EQ(ended().size(), size_t{kThreads});
    EXPECT_EQ(ended().back(), "first 499");
}

}  // namespace
}  // namespace memfabric
