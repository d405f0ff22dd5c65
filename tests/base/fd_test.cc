// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace memfabric {
namespace {

int open_null() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool is_open(int descriptor) {
    return ::fcntl(descriptor, F_GETFD) != -1;
}

TEST(FdTest, ClosesWhatItOwns) {
    int number = -1;
    {
        const Fd fd(open_null());
        number = fd.get();
        EXPECT_TRUE(fd.is_open());
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(FdTest, AnEmptyOneIsClosed) {
    const Fd fd;
    EXPECT_FALSE(fd.is_open());
    EXPECT_EQ(fd.get(), -1);
}

TEST(FdTest, MoveHandsOverAndAssignmentClosesTheOld) {
    Fd first(open_null());
    const int first_number = first.get();
    Fd second(open_null());
    const int second_number = second.get();
    second = std::move(first);
    EXPECT_EQ(second.get(), first_number);
    EXPECT_TRUE(is_open(first_number));
    EXPECT_FALSE(is_open(second_number));
    const Fd third(std::move(second));
    EXPECT_EQ(third.get(), first_number);
    EXPECT_TRUE(is_open(first_number));
}

TEST(FdTest, AssignmentToItselfKeepsTheDescriptor) {
    Fd fd(open_null());
    Fd& same = fd;
    fd = std::move(same);
    EXPECT_TRUE(is_open(fd.get()));
}

TEST(FdTest, ReleaseGivesUpOwnership) {
    int number = -1;
    {
        Fd fd(open_null());
        number = fd.release();
        EXPECT_FALSE(fd.is_open());
    }
    EXPECT_TRUE(is_open(number));
    Fd again(number);
    again.reset();
    again.reset();
    EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace memfabric
