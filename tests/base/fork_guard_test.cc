// SPDX-License-Identifier: Apache-2.0
#include "base/fork_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/fd.h"

namespace memfabric {
namespace {

bool is_open(int descriptor) {
    return ::fcntl(descriptor, F_GETFD) != -1;
}

/// Whether `condition` holds in a forked child.
bool in_child(const std::function<bool()>& condition) {
    watch_for_fork();
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(condition() ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ForkGuardTest, OnlyTheChildIsMarked) {
    EXPECT_TRUE(in_child([] { return in_forked_child(); }));
    EXPECT_FALSE(in_forked_child());
}

/// In a process of its own, which has no threads of the library whatever other tests did.
TEST(ForkGuardDeathTest, AChildOfAProcessWithoutThreadsIsAProcessLikeAnyOther) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto fork_one = [] {
        const Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        prepare_for_fork();
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(!in_forked_child() && is_open(fd.get()) ? 0 : 1);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        ::_exit(WEXITSTATUS(status));
    };
    EXPECT_EXIT(fork_one(), testing::ExitedWithCode(0), "");
}

TEST(ForkGuardTest, AnOwnedDescriptorIsClosedInTheChildAndOpenInTheParent) {
    const Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(in_child([&] { return !is_open(fd.get()); }));
    EXPECT_TRUE(is_open(fd.get()));
}

TEST(ForkGuardTest, OtherDescriptorsAndReleasedOnesStayOpenInTheChild) {
    const int foreign = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    Fd owned(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int released = owned.release();
    EXPECT_TRUE(in_child([&] { return is_open(foreign) && is_open(released); }));
    ::close(foreign);
    ::close(released);
}

TEST(ForkGuardTest, AClosedNumberThatSomebodyElseUsesStaysOpenInTheChild) {
    Fd owned(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int number = owned.get();
    owned.reset();
    ASSERT_EQ(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, number), number);
    EXPECT_TRUE(in_child([&] { return is_open(number); }));
    ::close(number);
}

TEST(ForkGuardTest, TheChildDoesNotCloseANumberThatItUsesAnew) {
    Fd owned(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(in_child([&] {
        const int number = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, owned.get());
        owned.reset();
        return is_open(number);
    }));
}

TEST(ForkGuardTest, MovedDescriptorsAreClosedInTheChild) {
    Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Fd second(std::move(first));
    EXPECT_TRUE(in_child([&] { return !is_open(second.get()); }));
}

TEST(ForkGuardTest, NumbersOutsideTheTableAreIgnored) {
    close_in_forked_child(-1);
    close_in_forked_child(1 << 30);
    forget_in_forked_child(-1);
    forget_in_forked_child(1 << 30);
    EXPECT_TRUE(in_child([] { return is_open(STDERR_FILENO); }));
}

}  // namespace
}  // namespace memfabric
