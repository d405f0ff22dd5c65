// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

#include "scalars.h"
#include "session.h"

namespace memfabric::python {

/// A symmetric address: an int, or an object with a buffer.
bool to_address(PyObject* object, void*& address);

/// Brings keyword arguments into their places; false, and an exception, where the arguments are not these.
bool order_arguments(PyObject* const* given, Py_ssize_t positional, PyObject* keywords,
                     const char* const* names, size_t count, PyObject** ordered);

/// Python's face of a typed function of OpenSHMEM whose first parameter is a symmetric address, and whose
/// last is a PE: an ordinary C function of Python's, because pybind11's dispatch alone costs more than a
/// small put. `Names` has the parameters' names. The GIL is kept: such calls do not wait for other PEs.
template <auto function, typename Names>
struct TypedCall;

template <typename R, typename T, typename... Values, R (*function)(T*, Values...), typename Names>
struct TypedCall<function, Names> {
    static constexpr size_t kCount = sizeof...(Values) + 1;

    static PyObject* run(PyObject*, PyObject* const* given, Py_ssize_t positional, PyObject* keywords) {
        std::array<PyObject*, kCount> ordered;
        PyObject* const* arguments = given;
        if (positional != Py_ssize_t{kCount} || keywords != nullptr) [[unlikely]] {
            if (!order_arguments(given, positional, keywords, Names::kNames, kCount, ordered.data())) {
                return nullptr;
            }
            arguments = ordered.data();
        }
        return call(arguments, std::index_sequence_for<Values...>());
    }

 private:
    template <size_t... indices>
    static PyObject* call(PyObject* const* arguments, std::index_sequence<indices...>) {
        void* address = nullptr;
        std::tuple<Values...> values;
        if (!to_address(arguments[0], address) ||
            !(to_c(arguments[indices + 1], std::get<indices>(values)) && ...)) {
            return nullptr;
        }
        const int pe = std::get<sizeof...(Values) - 1>(values);
        if (!pe_is_fine(pe) || !range_is_fine(address, sizeof(T), pe)) {
            return nullptr;
        }
        if constexpr (std::is_void_v<R>) {
            function(static_cast<T*>(address), std::get<indices>(values)...);
            Py_RETURN_NONE;
        } else {
            return to_python<R>(function(static_cast<T*>(address), std::get<indices>(values)...));
        }
    }
};

}  // namespace memfabric::python
