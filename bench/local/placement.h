// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

namespace memfabric::bench {

/// Keeps the calling thread, and those that it starts, on one core while this exists. Whether the kernel
/// wakes two processes that answer one another on the same core or on different ones decides a round trip's
/// time by a factor of four on a virtual machine (11 or 50 microseconds), and it decides anew for every pair:
/// contenders are placed alike.
class OnCore {
 public:
    enum Which { kFirst, kLast };

    explicit OnCore(Which which);
    ~OnCore();
    OnCore(const OnCore&) = delete;
    OnCore& operator=(const OnCore&) = delete;

 private:
    cpu_set_t before_{};
};

}  // namespace memfabric::bench
