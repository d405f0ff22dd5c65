// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstdint>
#include <limits>
#include <type_traits>

namespace memfabric::python {

bool refuse_number(PyObject* object, const char* type);

/// A Python number as a C one; false, and an exception, where it is none or does not fit.
template <typename T>
bool to_c(PyObject* object, T& value) {
    if constexpr (std::is_floating_point_v<T>) {
        const double number = PyFloat_AsDouble(object);
        value = static_cast<T>(number);
        return number != -1.0 || PyErr_Occurred() == nullptr;
    } else if constexpr (std::is_signed_v<T>) {
        const long long number = PyLong_AsLongLong(object);
        value = static_cast<T>(number);
        return (number != -1 || PyErr_Occurred() == nullptr) &&
               ((number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max()) ||
                refuse_number(object, "signed"));
    } else {
        PyObject* const index = PyLong_CheckExact(object) ? Py_NewRef(object) : PyNumber_Index(object);
        if (index == nullptr) {
            return false;
        }
        const unsigned long long number = PyLong_AsUnsignedLongLong(index);
        Py_DECREF(index);
        value = static_cast<T>(number);
        return (number != static_cast<unsigned long long>(-1) || PyErr_Occurred() == nullptr) &&
               (number <= std::numeric_limits<T>::max() || refuse_number(object, "unsigned"));
    }
}

template <typename T>
PyObject* to_python(T value) {
    if constexpr (std::is_floating_point_v<T>) {
        return PyFloat_FromDouble(value);
    } else if constexpr (std::is_signed_v<T>) {
        return PyLong_FromLongLong(value);
    } else {
        return PyLong_FromUnsignedLongLong(value);
    }
}

}  // namespace memfabric::python
