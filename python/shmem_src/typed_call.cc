// SPDX-License-Identifier: Apache-2.0
#include "typed_call.h"

#include <algorithm>
#include <cstring>

namespace memfabric::python {

bool refuse_number(PyObject* object, const char* type) {
    PyErr_Format(PyExc_OverflowError, "%S does not fit into the %s type of this function", object, type);
    return false;
}

bool to_address(PyObject* object, void*& address) {
    if (PyLong_Check(object)) {
        address = PyLong_AsVoidPtr(object);
        return address != nullptr || PyErr_Occurred() == nullptr;
    }
    Py_buffer buffer;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_SIMPLE) != 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "an address must be an int or a contiguous array, not %s",
                     Py_TYPE(object)->tp_name);
        return false;
    }
    address = buffer.buf;
    PyBuffer_Release(&buffer);  // symmetric memory does not go with the array
    return true;
}

bool order_arguments(PyObject* const* given, Py_ssize_t positional, PyObject* keywords,
                     const char* const* names, size_t count, PyObject** ordered) {
    const auto in_place = static_cast<size_t>(positional);
    if (in_place > count) {
        PyErr_Format(PyExc_TypeError, "at most %zu arguments are taken, %zd were given", count, positional);
        return false;
    }
    std::fill_n(ordered, count, nullptr);
    std::copy_n(given, in_place, ordered);
    const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    for (Py_ssize_t i = 0; i < named; ++i) {
        PyObject* const keyword = PyTuple_GET_ITEM(keywords, i);
        const auto place =
            static_cast<size_t>(std::find_if(names, names + count,
                                             [&](const char* name) {
                                                 return PyUnicode_CompareWithASCIIString(keyword, name) == 0;
                                             }) -
                                names);
        if (place == count || ordered[place] != nullptr) {
            PyErr_Format(PyExc_TypeError, "%s keyword argument '%U'",
                         place == count ? "unexpected" : "repeated", keyword);
            return false;
        }
        ordered[place] = given[positional + i];
    }
    for (size_t place = 0; place < count; ++place) {
        if (ordered[place] == nullptr) {
            PyErr_Format(PyExc_TypeError, "argument '%s' is missing", names[place]);
            return false;
        }
    }
    return true;
}

}  // namespace memfabric::python
