// SPDX-License-Identifier: Apache-2.0
// A connection for messages, where libfabric runs short of memory while it is made. Each in a process of its
// own: libfabric may keep to what it ran short of.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/attempt.h"
#include "tests/shortage/shortage.h"
#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using shortage::LibraryShortage;

constexpr uint32_t kEcho = 0x20000;
constexpr const char* kAfter = "MEMFABRIC_TEST_AFTER";
constexpr uint64_t kAllocations = 24;  // that a first message takes, of both sides, and some more

/// 0 where a request that was short is answered when it is made again.
int ask_twice(uint64_t after) {
    const auto far = test::start_here();
    const auto near = test::start_here();
    const auto peer = test::connect_to(*near, far->address());
    far->serve(kEcho, [](std::string_view bytes) { return std::string(bytes); });
    const auto ask = [&](std::chrono::milliseconds time) {
        return attempt([&] { return near->request(*peer, kEcho, "x", Deadline::after(time)); });
    };
    {
        const LibraryShortage shortage(shortage::kLibfabric, after);
        static_cast<void>(ask(100ms));
    }
    const Result<std::string> answer = ask(30s);
    if (!answer.is_ok()) {
        std::fprintf(stderr, "%s\n", answer.status().message().c_str());
    }
    return answer.is_ok() ? 0 : 1;
}

/// This program, started anew for DISABLED_asks alone.
pid_t start_process(uint64_t after) {
    const std::string number = std::to_string(after);
    const pid_t process = ::fork();
    if (process == 0) {
        ::setenv(kAfter, number.c_str(), 1);
        ::execl("/proc/self/exe", "asks", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
                "--gtest_filter=FabricConnectionProcess.*", nullptr);
        ::_exit(127);
    }
    return process;
}

TEST(FabricConnectionProcess, DISABLED_asks) {
    const char* const after = std::getenv(kAfter);  // NOLINT(concurrency-mt-unsafe): nobody changes it
    ASSERT_NE(after, nullptr) << "of FabricConnectionWithoutMemory's, with what it sets";
    ::alarm(60);
    ::_exit(ask_twice(std::stoull(after)));  // where libfabric is short it may not end in good order
}

TEST(FabricConnectionWithoutMemory, is_made_another_way) {
    if (!LibraryShortage::is_possible()) {
        GTEST_SKIP() << "a sanitizer has the allocation functions";
    }
    std::vector<pid_t> processes;
    for (uint64_t after = 0; after < kAllocations; ++after) {
        processes.push_back(start_process(after));
    }
    for (size_t after = 0; after < processes.size(); ++after) {
        int status = 0;
        EXPECT_EQ(::waitpid(processes[after], &status, 0), processes[after]);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "after " << after << ": " << status;
    }
}

}  // namespace
}  // namespace memfabric::transport
