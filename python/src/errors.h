// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <type_traits>

namespace memfabric::python {

namespace py = pybind11;

/// Sets memfabric.Error with `code` and the calling thread's last-error text as the Python exception. `what`
/// names the operation for the case that there is no text. Needs the GIL.
void set_error(const char* what, int32_t code);

/// As set_error(), and throws it.
[[noreturn]] void raise_error(const char* what, int32_t code);

/// For calls that return no code: raises what the calling thread's last failure was.
[[noreturn]] void raise_last_error(const char* what);

inline void check(const char* what, int32_t code) {
    if (code != 0) {
        raise_error(what, code);
    }
}

/// Throws ValueError or TypeError with a text in the format of PyErr_Format().
[[noreturn]] void raise_value_error(const char* format, ...);
[[noreturn]] void raise_type_error(const char* format, ...);

/// Runs `body`, which must not touch Python and not throw, with the GIL released.
///
/// Taking the GIL back ends a daemon thread where the interpreter has ended meanwhile, by unwinding it: so
/// that must not happen in a destructor, as in pybind11's gil_scoped_release, nor in a function that is
/// noexcept.
template <typename Body>
auto without_gil(Body&& body) {
    PyThreadState* state = PyEval_SaveThread();
    if constexpr (std::is_void_v<decltype(body())>) {
        body();
        PyEval_RestoreThread(state);
    } else {
        auto result = body();
        PyEval_RestoreThread(state);
        return result;
    }
}

}  // namespace memfabric::python
