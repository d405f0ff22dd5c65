// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "base/attempt.h"
#include "base/fork_guard.h"
#include "base/status.h"

namespace memfabric::capi {

/// Leaves the failure's text for smem_get_last_err_msg, logs it once (as an error; as information where a
/// peer is not there), and returns its code.
int32_t report_failure(const Status& failed, const char* function) noexcept;

/// 0 for success, which costs nothing. `function`: who failed, by whose name it is counted.
inline int32_t report(const Status& status, const char* function = __builtin_FUNCTION()) {
    return status.is_ok() ? 0 : report_failure(status, function);
}

/// Code of the calling thread's last failure; 0 where none failed. For functions that return no code.
int32_t last_failure_code();

/// What every call in a forked child answers.
Status forked_child_failure();

/// Runs the body of a C function that returns a code: refuses a forked child, lets no exception out, reports.
template <typename Body>
int32_t guarded(Body&& body, const char* function = __builtin_FUNCTION()) noexcept {
    try {
        return in_forked_child() ? report(forked_child_failure(), function)
                                 : report(std::forward<Body>(body)(), function);
    } catch (...) {
        return report(failure_of_exception().with_context(function), function);
    }
}

/// The same for a body that returns Result<T>; `fallback` is returned where it failed.
template <typename T, typename Body>
T guarded_value(T fallback, Body&& body, const char* function = __builtin_FUNCTION()) noexcept {
    try {
        if (in_forked_child()) {
            static_cast<void>(report(forked_child_failure(), function));
            return fallback;
        }
        Result<T> result = std::forward<Body>(body)();
        if (result.is_ok()) {
            return std::move(result).value();
        }
        static_cast<void>(report(result.status(), function));
    } catch (...) {
        static_cast<void>(report(failure_of_exception().with_context(function), function));
    }
    return fallback;
}

}  // namespace memfabric::capi
