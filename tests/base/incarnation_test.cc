// SPDX-License-Identifier: Apache-2.0
#include "base/incarnation.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

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

TEST(IncarnationTest, AProcessLivesUntilItHasEnded) {
    const Incarnation own = make_incarnation(Options());
    EXPECT_EQ(process_state(own.pid, own.start_time), ProcessState::kLives);
    EXPECT_EQ(process_state(own.pid, own.start_time + 1), ProcessState::kGone)
        << "another one that had the number";
    int said[2] = {};
    ASSERT_EQ(::pipe(said), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const uint64_t mine = make_incarnation(Options()).start_time;
        static_cast<void>(!::write(said[1], &mine, sizeof mine));
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    uint64_t start_time = 0;
    ASSERT_EQ(::read(said[0], &start_time, sizeof start_time), static_cast<ssize_t>(sizeof start_time));
    ::close(said[0]);
    ::close(said[1]);
    EXPECT_EQ(process_state(child, start_time), ProcessState::kStopped);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(process_state(child, start_time), ProcessState::kGone) << "nobody has asked for it yet";
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(process_state(child, start_time), ProcessState::kGone) << "there is none";
}

TEST(IncarnationTest, RandomNumbersDiffer) {
    EXPECT_NE(random_u64(), random_u64());
}

}  // namespace
}  // namespace memfabric
