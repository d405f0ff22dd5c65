// SPDX-License-Identifier: Apache-2.0
// What everything else stands on while there is no memory: statuses, texts, threads.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>

#include "base/attempt.h"
#include "base/last_error.h"
#include "base/log.h"
#include "base/thread.h"
#include "tests/shortage/shortage.h"

namespace memfabric {
namespace {

using shortage::Shortage;

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

TEST(StatusShortage, keeps_its_code_where_there_is_no_memory_for_its_text) {
    const Status told = failure(Code::kPeerLost, "rank {} is gone, and this text is long enough", 7);
    const Shortage shortage(0, kAll);
    const Status copied = told;
    const Status made = failure(Code::kTimeout, "{} bytes had not arrived by the deadline", 12);
    const Status in_context = told.with_context("writing to a rank, which is said at some length");
    EXPECT_TRUE(shortage.has_struck());
    EXPECT_EQ(copied.code(), Code::kPeerLost);
    EXPECT_EQ(made.code(), Code::kTimeout);
    EXPECT_EQ(in_context.code(), Code::kPeerLost);
    EXPECT_EQ(made.message(), "there was no memory left to say more than the code");
    EXPECT_EQ(Status::without_memory().message(), "out of memory");
}

TEST(StatusShortage, has_a_text_for_a_code_that_only_the_wire_knows) {
    const Shortage shortage(0, kAll);
    EXPECT_FALSE(Status(static_cast<Code>(-9999), "some text that is not short").is_ok());
}

TEST(AttemptShortage, makes_a_failure_of_what_is_thrown) {
    const Status failed = attempt([]() -> Status {
        const Shortage shortage(0, kAll);
        return {Code::kError, std::string(100, 'x')};
    });
    EXPECT_EQ(failed.code(), Code::kMallocFailed);
    EXPECT_EQ(failed.message(), "out of memory");
}

TEST(AttemptShortage, insists_until_there_is_memory) {
    const Shortage shortage(std::chrono::milliseconds(30));
    std::string text;
    insist([&] { text.assign(1000, 'x'); });
    EXPECT_TRUE(shortage.has_struck());
    EXPECT_EQ(text.size(), 1000U);
}

TEST(LastErrorShortage, says_that_there_is_no_memory) {
    const Shortage shortage(0, kAll);
    set_last_error(std::string_view(
        "a text that is longer than what any string keeps within itself, and than all texts before it"));
    EXPECT_STREQ(last_error(), "out of memory");
    log_error("a line of the log that is dropped: {}", 1);
}

TEST(ThreadShortage, begins_its_body_again_until_there_is_memory) {
    std::atomic<int> begun{0};
    std::atomic<int> done{0};
    const Shortage shortage(1000000, 1);  // counts, and refuses nothing
    start_thread("again", [&](const std::stop_token&) {
        if (++begun < 3) {
            throw std::bad_alloc();
        }
        ++done;
    }).join();
    EXPECT_EQ(begun, 3);
    EXPECT_EQ(done, 1);
}

TEST(ThreadShortage, ends_where_it_is_asked_to_stop_and_never_gets_memory) {
    std::atomic<int> begun{0};
    {
        const std::jthread thread = start_thread("stop", [&](const std::stop_token&) {
            ++begun;
            begun.notify_all();
            throw std::bad_alloc();
        });
        begun.wait(0);
    }
    EXPECT_GE(begun, 1);
}

TEST(ThreadShortage, that_cannot_be_started_is_a_failure) {
    const Status failed = attempt([]() -> Status { throw NoThread(); });
    EXPECT_EQ(failed.code(), Code::kMallocFailed);
    EXPECT_NE(failed.message().find("ulimit -u"), std::string::npos);
}

}  // namespace
}  // namespace memfabric
