// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <utility>

#include "base/fork_guard.h"
#include "base/status.h"

namespace memfabric::capi {

/// Leaves the failure's text for smem_get_last_err_msg, logs it once (as an error; as information where a
/// peer is not there), and returns its code.
int32_t report_failure(const Status& failed);

/// 0 for success, which costs nothing.
inline int32_t report(const Status& status) {
    return status.is_ok() ? 0 : report_failure(status);
}

/// Code of the calling thread's last failure; 0 where none failed. For functions that return no code.
int32_t last_failure_code();

/// What every call in a forked child answers.
Status forked_child_failure();

/// The failure that the exception in flight stands for.
Status failure_of_exception() noexcept;

/// Runs the body of a C function that returns a code: refuses a forked child, lets no exception out, reports.
template <typename Body>
int32_t guarded(Body&& body) noexcept {
    try {
        return in_forked_child() ? report(forked_child_failure()) : report(std::forward<Body>(body)());
    } catch (...) {
        return report(failure_of_exception());
    }
}

/// The same for a body that returns Result<T>; `fallback` is returned where it failed.
template <typename T, typename Body>
T guarded_value(T fallback, Body&& body) noexcept {
    try {
        if (in_forked_child()) {
            static_cast<void>(report(forked_child_failure()));
            return fallback;
        }
        Result<T> result = std::forward<Body>(body)();
        if (result.is_ok()) {
            return std::move(result).value();
        }
        static_cast<void>(report(result.status()));
    } catch (...) {
        static_cast<void>(report(failure_of_exception()));
    }
    return fallback;
}

}  // namespace memfabric::capi
