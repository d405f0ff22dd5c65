// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace memfabric {

/// What is to be done where the process exits while this exists: after the program's own atexit functions, on
/// the thread that exits, and not in a forked child. It must end soon, and may be done more than once. The
/// destructor waits for a call that runs.
class ExitCall {
 public:
    explicit ExitCall(std::function<void()> call);
    ~ExitCall();
    ExitCall(const ExitCall&) = delete;
    ExitCall& operator=(const ExitCall&) = delete;

    void operator()() const { call_(); }

 private:
    const std::function<void()> call_;
};

/// Makes all the calls that there are now, as the process's exit does, for who ends it without one. They are
/// made when this returns, also where another thread is about it at the same time.
void make_exit_calls();

}  // namespace memfabric
