// SPDX-License-Identifier: Apache-2.0
#include "base/room.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "tests/base/file_limit.h"

namespace memfabric {
namespace {

using test::FileLimit;

TEST(Room, IsThereByDefault) {
    EXPECT_TRUE(check_room(0, 0).is_ok());
    EXPECT_TRUE(check_room(16, 1 << 20).is_ok());
}

TEST(Room, OfFilesEndsAtTheLimit) {
    const FileLimit limit(64);
    std::vector<Fd> files;
    while (check_room(1, 0).is_ok()) {
        files.emplace_back(::eventfd(0, EFD_CLOEXEC));
        ASSERT_TRUE(files.back().is_open());
    }
    EXPECT_FALSE(Fd(::eventfd(0, EFD_CLOEXEC)).is_open());
    const Status none = check_room(1, 0);
    EXPECT_EQ(none.code(), Code::kMallocFailed);
    EXPECT_EQ(none.message(),
              "1 more file descriptors are needed, and 64 of 64 are open: close some or raise the limit "
              "(ulimit -n)");
    files.resize(files.size() - 3);
    EXPECT_TRUE(check_room(3, 0).is_ok());
    EXPECT_EQ(check_room(4, 0).code(), Code::kMallocFailed);
}

TEST(Room, OfAddressSpaceEnds) {
    const Status none = check_room(0, size_t{1} << 60);
    EXPECT_EQ(none.code(), Code::kMallocFailed);
    EXPECT_NE(none.message().find("ulimit -v"), std::string::npos) << none.message();
}

}  // namespace
}  // namespace memfabric
