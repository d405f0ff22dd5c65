// SPDX-License-Identifier: Apache-2.0
#include "base/exit_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/exit_call.h"

namespace memfabric {
namespace {

namespace fs = std::filesystem;

class ExitFileTest : public testing::Test {
 protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "mf-exit-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string make_file(const std::string& name) const {
        const fs::path path = folder_ / name;
        std::ofstream(path) << "content";
        return path.string();
    }

    bool has_files() const { return !fs::is_empty(folder_); }

    fs::path folder_;
};

TEST_F(ExitFileTest, IsRemovedWithItsObject) {
    auto file = std::make_unique<ExitFile>(make_file("file"));
    EXPECT_TRUE(has_files());
    file.reset();
    EXPECT_FALSE(has_files());
}

TEST_F(ExitFileTest, IsRemovedWhileItsObjectLives) {
    const ExitFile file(make_file("file"));
    make_exit_calls();
    EXPECT_FALSE(has_files());
}

/// Either ends the process next.
TEST_F(ExitFileTest, AreGoneForEachOfTwoThreadsThatRemoveThem) {
    constexpr int kFiles = 2000;
    std::vector<std::unique_ptr<ExitFile>> files;
    files.reserve(kFiles);
    for (int i = 0; i < kFiles; ++i) {
        files.push_back(std::make_unique<ExitFile>(make_file(std::to_string(i))));
    }
    std::barrier together(2);
    std::array<bool, 2> found_some{};
    {
        std::vector<std::jthread> threads;
        threads.reserve(found_some.size());
        for (bool& some : found_some) {
            threads.emplace_back([&] {
                together.arrive_and_wait();
                make_exit_calls();
                some = has_files();
            });
        }
    }
    EXPECT_FALSE(found_some[0]);
    EXPECT_FALSE(found_some[1]);
}

}  // namespace
}  // namespace memfabric
