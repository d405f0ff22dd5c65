// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <cstdarg>

#include "capi/private_api.h"
#include "smem.h"

namespace memfabric::python {
namespace {

[[noreturn]] void raise_formatted(PyObject* type, const char* format, va_list arguments) {
    PyErr_FormatV(type, format, arguments);
    throw py::error_already_set();
}

}  // namespace

void set_error(const char* what, int32_t code) {
    try {
        py::object make_error = py::module_::import("memfabric._errors").attr("make_error");
        py::object error = make_error(what, code, py::bytes(smem_get_last_err_msg()));
        PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
    } catch (py::error_already_set& failure) {
        failure.restore();
    }
}

void raise_error(const char* what, int32_t code) {
    set_error(what, code);
    throw py::error_already_set();
}

void raise_last_error(const char* what) {
    const int32_t code = mf_private_last_error_code();
    raise_error(what, code == 0 ? SM_ERROR : code);
}

void raise_value_error(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    raise_formatted(PyExc_ValueError, format, arguments);
}

void raise_type_error(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    raise_formatted(PyExc_TypeError, format, arguments);
}

}  // namespace memfabric::python
