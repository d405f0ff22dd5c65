// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/deadline.h"
#include "base/status.h"

namespace memfabric::copy {

/// Operations that run behind the caller's back, in the order of their submission, on one thread that is
/// started at the first submission and sleeps when there is nothing to do. Thread-safe.
class AsyncQueue {
 public:
    AsyncQueue();
    /// Runs what was submitted to its end, then stops.
    ~AsyncQueue();
    AsyncQueue(const AsyncQueue&) = delete;
    AsyncQueue& operator=(const AsyncQueue&) = delete;

    void submit(std::function<Status()> operation);

    /// Waits until everything submitted before the call has ended. Returns the first failure since the last
    /// wait (and forgets it), or kTimeout, after which a later wait goes on.
    Status wait(Deadline deadline);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace memfabric::copy
