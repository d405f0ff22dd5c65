// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.h"
#include "base/fd.h"
#include "base/status.h"

namespace memfabric::store {

/// An eventfd: something that poll(2) can wait for beside a socket.
class WakeEvent {
 public:
    static Result<WakeEvent> create();

    int descriptor() const { return event_.get(); }
    void signal() const;
    /// Not signalled any more.
    void drain() const;
    void wait(Deadline deadline) const;

 private:
    explicit WakeEvent(Fd event) : event_(std::move(event)) {}
    Fd event_;
};

}  // namespace memfabric::store
