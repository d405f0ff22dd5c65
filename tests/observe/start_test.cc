// SPDX-License-Identifier: Apache-2.0
#include "observe/start.h"

#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"

namespace memfabric::observe {
namespace {

namespace fs = std::filesystem;

/// Either ends the process next.
TEST(Dump, IsThereForEachOfTwoThreadsThatWriteIt) {
    std::string folder = (fs::temp_directory_path() / "mf-dump-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const fs::path dump = fs::path(folder) / "dump";
    Options options;
    ASSERT_TRUE(options.set(OptionId::kCountersDump, dump.string()).is_ok());
    start(options, "host");
    int missed = 0;
    for (int round = 0; round < 10; ++round) {
        fs::remove(dump);
        std::barrier together(2);
        std::array<bool, 2> found{};
        {
            std::vector<std::jthread> threads;
            threads.reserve(found.size());
            for (bool& is_there : found) {
                threads.emplace_back([&] {
                    together.arrive_and_wait();
                    write_dump();
                    is_there = fs::exists(dump);
                });
            }
        }
        missed += found[0] && found[1] ? 0 : 1;
    }
    EXPECT_EQ(missed, 0);
    fs::remove_all(folder);
    set_log_level(LogLevel::kFatal);  // the process's exit finds no folder to write to
}

}  // namespace
}  // namespace memfabric::observe
