// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <utility>

#include "base/thread.h"
#include "shmem/state.h"

namespace memfabric::shmem {

/// Runs what takes memory of this process. Where there is none the job ends, and says so: most calls of
/// OpenSHMEM have no other way to fail.
template <typename Body>
auto take_memory_or_end(const char* call, Body&& body) {
    try {
        return std::forward<Body>(body)();
    } catch (const NoThread&) {
        fail(call, "no thread could be started: out of memory, or of threads (ulimit -u)");
    } catch (const std::bad_alloc&) {
        fail(call, "out of memory");
    }
}

}  // namespace memfabric::shmem
