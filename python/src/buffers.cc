// SPDX-License-Identifier: Apache-2.0
#include "buffers.h"

#include <limits>
#include <utility>

#include "errors.h"

namespace memfabric::python {
namespace {

/// The attribute of a module that the program has imported; null where it has not, as then no object can be
/// of its types.
py::object attribute_if_imported(const char* module, const char* attribute) {
    py::str name(module);
    PyObject* imported = PyImport_GetModule(name.ptr());
    if (imported == nullptr) {
        PyErr_Clear();
        return {};
    }
    return py::getattr(py::reinterpret_steal<py::object>(imported), attribute, py::none());
}

bool is_instance(py::handle object, const py::object& type) {
    return type && !type.is_none() && py::isinstance(object, type);
}

/// A ctypes pointer has a buffer too, but that is the pointer itself; what is meant is where it points to.
bool is_ctypes_pointer(py::handle object) {
    for (const char* type : {"_Pointer", "c_void_p", "c_char_p", "c_wchar_p"}) {
        if (is_instance(object, attribute_if_imported("ctypes", type))) {
            return true;
        }
    }
    return false;
}

uint64_t ctypes_pointer_value(py::handle object) {
    py::module_ ctypes = py::module_::import("ctypes");
    py::object value = ctypes.attr("cast")(object, ctypes.attr("c_void_p")).attr("value");
    return value.is_none() ? 0 : value.cast<uint64_t>();
}

/// Bytes from the first to the last element; throws where a stride is negative, because then the address is
/// not the lowest.
uint64_t strided_extent(const Py_buffer& buffer, const char* name) {
    if (buffer.len == 0) {
        return 0;
    }
    uint64_t last = 0;
    for (int i = 0; i < buffer.ndim; ++i) {
        if (buffer.strides[i] < 0) {
            raise_value_error(
                "%s: arrays with a negative stride are not accepted; copy it first (numpy.ascontiguousarray)",
                name);
        }
        last += static_cast<uint64_t>(buffer.shape[i] - 1) * static_cast<uint64_t>(buffer.strides[i]);
    }
    return last + static_cast<uint64_t>(buffer.itemsize);
}

[[noreturn]] void raise_buffer_refused(py::handle object, const char* name, Access access) {
    PyErr_Clear();
    const char* type = Py_TYPE(object.ptr())->tp_name;
    Py_buffer readable;
    const bool contiguous = PyObject_GetBuffer(object.ptr(), &readable, PyBUF_SIMPLE) == 0;
    if (!contiguous) {
        PyErr_Clear();
        raise_value_error(
            "%s: the memory of this %s is not contiguous; copy it first (numpy.ascontiguousarray), "
            "or copy its rows with copy_data_2d",
            name, type);
    }
    PyBuffer_Release(&readable);
    if (access == Access::kWrite) {
        raise_type_error("%s: this %s is read-only and cannot be a destination", name, type);
    }
    raise_type_error("%s: the memory of this %s cannot be used", name, type);
}

}  // namespace

Address::Address(py::handle object, const char* name, Access access, Layout layout) {
    PyObject* raw = object.ptr();
    if (PyLong_Check(raw)) {
        value_ = to_unsigned(object, name, std::numeric_limits<uint64_t>::max());
    } else if (is_ctypes_pointer(object)) {
        value_ = ctypes_pointer_value(object);
    } else if (PyIndex_Check(raw) && is_instance(object, attribute_if_imported("numpy", "generic"))) {
        value_ = to_unsigned(object, name, std::numeric_limits<uint64_t>::max());
    } else if (PyObject_CheckBuffer(raw)) {
        hold_buffer(object, name, access, layout);
    } else if (PyIndex_Check(raw)) {
        value_ = to_unsigned(object, name, std::numeric_limits<uint64_t>::max());
    } else {
        raise_type_error(
            "%s must be an address (int) or an object with a buffer (bytes, bytearray, numpy array, ctypes), "
            "not %s",
            name, Py_TYPE(raw)->tp_name);
    }
}

Address::Address(Address&& other) noexcept
    : value_(other.value_),
      extent_(other.extent_),
      buffer_(other.buffer_),
      held_(std::exchange(other.held_, false)) {}

Address& Address::operator=(Address&& other) noexcept {
    if (this != &other) {
        release();
        value_ = other.value_;
        extent_ = other.extent_;
        buffer_ = other.buffer_;
        held_ = std::exchange(other.held_, false);
    }
    return *this;
}

Address::~Address() {
    release();
}

void Address::release() noexcept {
    if (std::exchange(held_, false)) {
        PyBuffer_Release(&buffer_);
    }
}

void Address::hold_buffer(py::handle object, const char* name, Access access, Layout layout) {
    int flags = layout == Layout::kStrided ? PyBUF_STRIDES : PyBUF_SIMPLE;
    if (access == Access::kWrite) {
        flags |= PyBUF_WRITABLE;
    }
    if (PyObject_GetBuffer(object.ptr(), &buffer_, flags) != 0) {
        raise_buffer_refused(object, name, access);
    }
    held_ = true;
    value_ = reinterpret_cast<uint64_t>(buffer_.buf);
    try {
        extent_ =
            layout == Layout::kStrided ? strided_extent(buffer_, name) : static_cast<uint64_t>(buffer_.len);
    } catch (...) {
        release();  // no destructor runs for an object whose constructor throws
        throw;
    }
}

void Address::require(uint64_t size, const char* name) const {
    if (extent_ && size > *extent_) {
        raise_value_error("%s: %llu bytes are asked for, the buffer has %llu", name,
                          static_cast<unsigned long long>(size), static_cast<unsigned long long>(*extent_));
    }
}

uint64_t to_unsigned(py::handle object, const char* name, uint64_t maximum) {
    py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    if (!number) {
        PyErr_Clear();
        raise_type_error("%s must be an int, not %s", name, Py_TYPE(object.ptr())->tp_name);
    }
    const uint64_t value = PyLong_AsUnsignedLongLong(number.ptr());
    if (PyErr_Occurred() != nullptr || value > maximum) {
        PyErr_Clear();
        raise_value_error("%s must be 0 to %llu, not %S", name, static_cast<unsigned long long>(maximum),
                          number.ptr());
    }
    return value;
}

uint64_t copy_size(py::handle size, const Address& source, const Address& destination) {
    if (size && !size.is_none()) {
        const uint64_t bytes = to_unsigned(size, "size", std::numeric_limits<uint64_t>::max());
        source.require(bytes, "src_ptr");
        destination.require(bytes, "dst_ptr");
        return bytes;
    }
    if (!source.extent() && !destination.extent()) {
        raise_type_error("size is needed where both addresses are plain numbers");
    }
    if (source.extent() && destination.extent() && *source.extent() != *destination.extent()) {
        raise_value_error("the source has %llu bytes, the destination %llu: give the size",
                          static_cast<unsigned long long>(*source.extent()),
                          static_cast<unsigned long long>(*destination.extent()));
    }
    return source.extent() ? *source.extent() : *destination.extent();
}

}  // namespace memfabric::python
