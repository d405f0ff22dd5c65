// SPDX-License-Identifier: Apache-2.0
#include "views.h"

#include <limits>
#include <memory>

#include "buffers.h"
#include "capi/private_api.h"
#include "errors.h"

namespace memfabric::python {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

py::object make_region(const ViewRoom& room, uint64_t size) {
    if (size == 0 || size > room.size) {
        raise_value_error("a view of %llu bytes is asked for, the rank's memory has %llu there",
                          static_cast<unsigned long long>(size), static_cast<unsigned long long>(room.size));
    }
    void* token = without_gil([&] { return room.retain(room.address, size); });
    if (token == nullptr) {
        raise_last_error("view");
    }
    return py::cast(std::make_unique<Region>(token, room.address, size));
}

uint64_t item_count(py::handle shape) {
    uint64_t count = 1;
    for (py::handle length : py::reinterpret_borrow<py::iterable>(shape)) {
        if (__builtin_mul_overflow(count, to_unsigned(length, "shape", kNoLimit), &count)) {
            raise_value_error("the shape has more elements than 64 bits can count");
        }
    }
    return count;
}

}  // namespace

Region::~Region() {
    without_gil([this] { mf_private_release_view(token_); });
}

ViewRoom skip(ViewRoom room, py::handle offset) {
    const uint64_t skipped = to_unsigned(offset, "offset", kNoLimit);
    if (skipped > room.size) {
        raise_value_error("offset %llu is past the end of the rank's memory of %llu bytes",
                          static_cast<unsigned long long>(skipped),
                          static_cast<unsigned long long>(room.size));
    }
    room.address += skipped;
    room.size -= skipped;
    return room;
}

py::object make_buffer(const ViewRoom& room, py::handle size) {
    const uint64_t bytes = size.is_none() ? room.size : to_unsigned(size, "size", kNoLimit);
    return py::memoryview(make_region(room, bytes));
}

py::object make_view(const ViewRoom& room, py::handle size, py::handle dtype, py::handle shape) {
    py::module_ numpy = py::module_::import("numpy");
    const py::object element = numpy.attr("dtype")(dtype);
    if (element.attr("hasobject").cast<bool>()) {
        raise_type_error("dtype %R has Python objects, which cannot be shared between processes",
                         element.ptr());
    }
    const auto item_size = element.attr("itemsize").cast<uint64_t>();
    if (item_size == 0) {
        raise_value_error("dtype %R has no size", element.ptr());
    }
    const py::object dimensions = PyLong_Check(shape.ptr()) ? py::object(py::make_tuple(shape))
                                                            : py::reinterpret_borrow<py::object>(shape);
    uint64_t bytes = room.size - room.size % item_size;
    if (!dimensions.is_none() && __builtin_mul_overflow(item_count(dimensions), item_size, &bytes)) {
        raise_value_error("the shape has more bytes than 64 bits can count");
    }
    if (!size.is_none()) {
        const uint64_t wanted = to_unsigned(size, "size", kNoLimit);
        if (!dimensions.is_none() && wanted != bytes) {
            raise_value_error("size is %llu bytes, the shape has %llu",
                              static_cast<unsigned long long>(wanted),
                              static_cast<unsigned long long>(bytes));
        }
        if (wanted % item_size != 0) {
            raise_value_error("size %llu is no multiple of the %llu bytes of dtype %R",
                              static_cast<unsigned long long>(wanted),
                              static_cast<unsigned long long>(item_size), element.ptr());
        }
        bytes = wanted;
    }
    const py::object flat = numpy.attr("frombuffer")(make_region(room, bytes), element);
    return dimensions.is_none() ? flat : py::object(flat.attr("reshape")(dimensions));
}

void bind_views(py::module_& module) {
    py::class_<Region>(module, "Region", py::buffer_protocol(),
                       "Memory of the pool that stays mapped as long as this object, or a view of it, lives.")
        .def_buffer([](const Region& region) {
            const auto size = static_cast<py::ssize_t>(region.size());
            return py::buffer_info(reinterpret_cast<void*>(region.address()), 1,
                                   py::format_descriptor<uint8_t>::format(), 1, {size}, {py::ssize_t{1}});
        });
}

}  // namespace memfabric::python
