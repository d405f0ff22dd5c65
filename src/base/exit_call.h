// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace memfabric {

/// What is to be done where the process exits while this exists: after the program's own atexit functions, on
/// the thread that exits, and not in a forked child. It must end soon. The destructor waits for a call that
/// runs.
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

}  // namespace memfabric
