// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <new>
#include <type_traits>
#include <utility>

#include "base/deadline.h"
#include "base/status.h"

namespace memfabric {

/// The failure that the exception in flight stands for; kMallocFailed where memory, or room for a further
/// thread, was short.
Status failure_of_exception() noexcept;

/// Runs a body that returns a Status or a Result; what it throws becomes the failure that is returned.
template <typename Body>
std::invoke_result_t<Body> attempt(Body&& body) noexcept {
    try {
        return std::forward<Body>(body)();
    } catch (...) {
        return failure_of_exception();
    }
}

/// Runs what may be left undone where there is no memory for it; false where it was.
template <typename Body>
bool did_with_memory(Body&& body) {
    try {
        std::forward<Body>(body)();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

/// How long to wait for memory before a step is done again: another process, or another thread of this one,
/// has to give some back first, and nothing tells when.
inline constexpr std::chrono::milliseconds kMemoryPause{10};

void pause_for_memory();

/// Runs a body that returns a Status; for as long as there is no memory for it, again, up to the deadline.
template <typename Body>
Status attempt_until(Deadline deadline, const Body& body) {
    Status done = attempt(body);
    while (done.code() == Code::kMallocFailed && !deadline.expired()) {
        pause_for_memory();
        done = attempt(body);
    }
    return done;
}

/// Whether so many bytes are to be had just now.
bool has_memory(size_t bytes);

/// Returns once there are so many bytes to be had, for a step that must not be left half done, or `gives_up`
/// says so. They are given back at once, so that another thread may take them: that is rare.
template <typename GivesUp>
void await_memory(size_t bytes, GivesUp&& gives_up) {
    while (!has_memory(bytes) && !gives_up()) {
        pause_for_memory();
    }
}

/// Runs a step that has to be done, again and again until there is memory for it. A step that fails must
/// leave everything as it was, or as it may stand when the step is done again.
template <typename Step>
auto insist(Step&& step) {
    for (;;) {
        try {
            return step();
        } catch (const std::bad_alloc&) {
            pause_for_memory();
        }
    }
}

}  // namespace memfabric
