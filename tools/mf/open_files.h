// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>

namespace mf {

/// Lets this process have as many descriptors as it may; returns the limits that it had. Each rank costs its
/// launcher three, and its store one.
inline rlimit raise_open_files() {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit raised = before;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
    return before;
}

}  // namespace mf
