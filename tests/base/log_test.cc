// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace memfabric {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

struct Captured {
    std::mutex mutex;
    std::vector<std::pair<int, std::string>> lines;  // guarded by mutex
};

Captured& captured() {
    static Captured lines;
    return lines;
}

void capture(int level, const char* message) {
    const std::lock_guard lock(captured().mutex);
    captured().lines.emplace_back(level, message);
}

class LogTest : public testing::Test {
 protected:
    void SetUp() override {
        captured().lines.clear();
        set_external_logger(capture);
        set_log_level(LogLevel::kDebug);
    }
    void TearDown() override {
        set_external_logger(nullptr);
        set_log_level(LogLevel::kWarn);
    }
};

TEST_F(LogTest, ExternalLoggerGetsLevelAndText) {
    log_debug("rank {}", 1);
    log_info("rank {}", 2);
    log_warn("rank {}", 3);
    log_error("rank {}", 4);
    log(LogLevel::kFatal, "rank {}", 5);
    EXPECT_THAT(captured().lines, ElementsAre(Pair(0, "rank 1"), Pair(1, "rank 2"), Pair(2, "rank 3"),
                                              Pair(3, "rank 4"), Pair(4, "rank 5")));
}

TEST_F(LogTest, LowerLevelsAreDropped) {
    set_log_level(LogLevel::kError);
    EXPECT_FALSE(log_enabled(LogLevel::kWarn));
    log_warn("dropped");
    log_error("kept");
    EXPECT_THAT(captured().lines, ElementsAre(Pair(3, "kept")));
}

TEST_F(LogTest, AMessageIsOneLine) {
    log_error("two\r\nlines");
    EXPECT_THAT(captured().lines, ElementsAre(Pair(3, "two  lines")));
}

TEST_F(LogTest, NothingInAMessageMovesTheCursor) {
    const std::string host =
        "\x1b[2J\x1b]0;owned\x07"
        "evil\x7f\xc2\x9b"
        "2J\tb";
    log_error("host {}", host);
    log_error("{}", "Umlaut \xc3\x84, euro \xe2\x82\xac, nbsp \xc2\xa0.");
    EXPECT_THAT(captured().lines, ElementsAre(Pair(3, "host ?[2J?]0;owned?evil???2J b"),
                                              Pair(3, "Umlaut \xc3\x84, euro \xe2\x82\xac, nbsp \xc2\xa0.")));
}

TEST_F(LogTest, ThreadsLogAtOnceWithoutLosingAny) {
    constexpr int kThreads = 4;
    constexpr int kEach = 250;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([thread] {
                for (int i = 0; i < kEach; ++i) {
                    log_info("{}:{}", thread, i);
                }
            });
        }
    }
    EXPECT_EQ(captured().lines.size(), size_t{kThreads} * kEach);
}

TEST_F(LogTest, AnExternalLoggerThatThrowsDoesNotTakeTheProgramDown) {
    set_external_logger([](int, const char*) { throw 1; });
    log_error("goes nowhere");
    set_external_logger(capture);
    log_error("arrives");
    EXPECT_THAT(captured().lines, ElementsAre(Pair(3, "arrives")));
}

TEST_F(LogTest, WithoutExternalLoggerItGoesToStandardError) {
    set_external_logger(nullptr);
    testing::internal::CaptureStderr();
    log_warn("to standard {}", "error");
    const std::string written = testing::internal::GetCapturedStderr();
    EXPECT_THAT(written, HasSubstr("warning: to standard error\n"));
    EXPECT_TRUE(captured().lines.empty());
}

}  // namespace
}  // namespace memfabric
