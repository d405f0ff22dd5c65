// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "tests/transport/fabric_place.h"

namespace memfabric::transport::test {

constexpr size_t kTargetSize = size_t{64} << 20;

/// A process of its own (this program, started anew) that exposes kTargetSize bytes of sevens and lets its
/// fabric answer until it is ended.
class FabricTarget {
 public:
    FabricTarget() {
        int reports[2];
        EXPECT_EQ(::pipe(reports), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(reports[1], STDOUT_FILENO);
            ::execl("/proc/self/exe", "target", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
                    "--gtest_filter=FabricTargetProcess.*", nullptr);
            ::_exit(127);
        }
        ::close(reports[1]);
        read_report(reports[0]);
        ::close(reports[0]);
    }
    ~FabricTarget() { end(); }
    FabricTarget(const FabricTarget&) = delete;
    FabricTarget& operator=(const FabricTarget&) = delete;

    const FabricAddress& address() const { return place_.address; }
    const RemoteRegion& region() const { return place_.region; }

    /// Returns when the process really stands still.
    void stop() const {
        ::kill(pid_, SIGSTOP);
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
        EXPECT_TRUE(WIFSTOPPED(status));
    }
    void go_on() const { ::kill(pid_, SIGCONT); }
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }
    /// To be called from another thread than the one that waits.
    void kill_only() const { ::kill(pid_, SIGKILL); }

 private:
    static constexpr char kMark = '@';  // begins and ends the report; gtest may print around it

    void read_report(int descriptor) {
        std::string text;
        char byte = 0;
        while (std::count(text.begin(), text.end(), kMark) < 2 && ::read(descriptor, &byte, 1) == 1) {
            text.push_back(byte);
        }
        const size_t first = text.find(kMark) + 1;
        const std::string report = text.substr(first, text.rfind(kMark) - first);
        ASSERT_FALSE(report.empty()) << "the target did not start: " << text;
        place_ = FabricPlace::read(report);
    }

    pid_t pid_ = 0;
    FabricPlace place_;
};

}  // namespace memfabric::transport::test
