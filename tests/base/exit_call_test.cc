// SPDX-License-Identifier: Apache-2.0
#include "base/exit_call.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

namespace memfabric {
namespace {

void say(const char* text) {
    std::fputs(text, stderr);
}

TEST(ExitCallDeathTest, IsCalledAtExitWhileItExistsAndAfterTheProgramsOwn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto end = [] {
        const ExitCall kept([] { say("kept"); });
        {
            const ExitCall gone([] { say("gone"); });
        }
        std::atexit([] { say("first "); });
        std::exit(0);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(0), "^first kept$");
}

TEST(ExitCallDeathTest, IsNotCalledInAForkedChildNorByUnderscoreExit) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto end = [] {
        const ExitCall kept([] { say("parent"); });
        const pid_t child = ::fork();
        if (child == 0) {
            std::exit(0);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        std::exit(status);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(0), "^parent$");
}

TEST(ExitCallDeathTest, OneThatFindsNoMemoryStopsNeitherTheOthersNorTheExit) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto end = [] {
        const ExitCall one([] { throw std::bad_alloc(); });
        const ExitCall two([] { say("two"); });
        const ExitCall three([] { throw std::bad_alloc(); });
        std::exit(0);
    };
    EXPECT_EXIT(end(), testing::ExitedWithCode(0), "two");
}

}  // namespace
}  // namespace memfabric
