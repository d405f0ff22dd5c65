// SPDX-License-Identifier: Apache-2.0
#include "base/folder.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace memfabric {
namespace {

TEST(Folder, HasTheNamesOfFilesAndFolders) {
    const auto folder = std::filesystem::temp_directory_path() / "memfabric-folder-test";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder / "inner");
    std::ofstream(folder / ".hidden") << "text";
    EXPECT_THAT(names_in(folder), testing::UnorderedElementsAre("inner", ".hidden"));
    EXPECT_TRUE(names_in(folder / "inner").empty());
    std::filesystem::remove_all(folder);
}

TEST(Folder, ThatIsNotThereHasNone) {
    EXPECT_TRUE(names_in("/no/such/folder").empty());
    EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace memfabric
