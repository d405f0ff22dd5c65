// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <functional>

namespace memfabric::transport::test {

/// A process that has a copy of all of this one's memory at the same addresses, and does nothing until it is
/// ended.
class ForkedChild {
 public:
    /// `prepare` runs in the child before the constructor returns here.
    explicit ForkedChild(const std::function<void()>& prepare = [] {}) {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also where the test dies
            prepare();
            static_cast<void>(!::write(ready[1], "r", 1));
            for (;;) {
                ::pause();
            }
        }
        char byte = 0;
        ::close(ready[1]);
        EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the child ended too early";
        ::close(ready[0]);
    }
    ~ForkedChild() { end(); }
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;

    pid_t pid() const { return pid_; }

    /// Afterwards nobody has its number, unless it is given to a new process.
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }

 private:
    pid_t pid_ = 0;
};

}  // namespace memfabric::transport::test
