// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "big_memory.h"
#include "errors.h"

namespace memfabric::python {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

enum CopyParameter : size_t { kSource, kDestination, kSize, kType, kFlags, kParameterCount };
constexpr std::array<const char*, kParameterCount> kCopyNames = {"src_ptr", "dst_ptr", "size", "type",
                                                                 "flags"};
using CopyArguments = std::array<PyObject*, kParameterCount>;

uint32_t to_flags(py::handle object) {
    return static_cast<uint32_t>(to_unsigned(object, "flags", UINT32_MAX));
}

/// The C++ object in an instance of the class or of one derived from it; the caller knows that it is one.
/// This way round pybind11's type look-up saves about a tenth of a small copy. Null where a derived class did
/// not call __init__.
BigMemory* object_of(PyObject* self) {
    return static_cast<BigMemory*>(
        reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder().value_ptr());
}

int32_t copy(const BigMemory& memory, smem_copy_params& params, smem_bm_copy_type type, uint32_t flags) {
    return without_gil([&] { return smem_bm_copy(memory.handle(), &params, type, flags); });
}

PyObject* finish(int32_t code) {
    if (code != 0) {
        set_error("copy_data", code);
        return nullptr;
    }
    return PyLong_FromLong(0);
}

/// The common call: four or five numbers by position. False where it is another one, or a number does not
/// fit: then the general path says what is wrong.
bool read_plain(std::span<PyObject* const> arguments, smem_copy_params& params, smem_bm_copy_type& type,
                uint32_t& flags) {
    std::array<uint64_t, kParameterCount> numbers{};
    for (size_t i = 0; i < arguments.size(); ++i) {
        if (!PyLong_Check(arguments[i])) {
            return false;
        }
        numbers[i] = PyLong_AsUnsignedLongLong(arguments[i]);
        if (numbers[i] == kNoLimit && PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            return false;
        }
    }
    if (numbers[kType] >= SMEMB_COPY_BUTT || numbers[kFlags] > UINT32_MAX) {
        return false;
    }
    params = {reinterpret_cast<const void*>(numbers[kSource]), reinterpret_cast<void*>(numbers[kDestination]),
              numbers[kSize]};
    type = static_cast<smem_bm_copy_type>(numbers[kType]);
    flags = static_cast<uint32_t>(numbers[kFlags]);
    return true;
}

size_t parameter_index(PyObject* name) {
    for (size_t i = 0; i < kCopyNames.size(); ++i) {
        if (PyUnicode_CompareWithASCIIString(name, kCopyNames[i]) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_TypeError, "copy_data() got an unexpected keyword argument '%U'", name);
    throw py::error_already_set();
}

CopyArguments bind(PyObject* const* given, size_t positional, PyObject* keywords) {
    if (positional > kParameterCount) {
        raise_type_error("copy_data() takes at most %zu arguments, %zu were given", kCopyNames.size(),
                         positional);
    }
    CopyArguments bound{};
    std::copy_n(given, positional, bound.begin());
    const Py_ssize_t keyword_count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    for (Py_ssize_t i = 0; i < keyword_count; ++i) {
        const size_t index = parameter_index(PyTuple_GET_ITEM(keywords, i));
        if (bound[index] != nullptr) {
            raise_type_error("copy_data() got multiple values for argument '%s'", kCopyNames[index]);
        }
        bound[index] = given[positional + static_cast<size_t>(i)];
    }
    for (size_t required : {kSource, kDestination}) {
        if (bound[required] == nullptr) {
            raise_type_error("copy_data() is missing the argument '%s'", kCopyNames[required]);
        }
    }
    return bound;
}

PyObject* copy_general(BigMemory& memory, const CopyArguments& bound) {
    std::vector<Address> addresses;
    addresses.reserve(2);
    const Address& source = addresses.emplace_back(bound[kSource], "src_ptr", Access::kRead);
    const Address& destination = addresses.emplace_back(bound[kDestination], "dst_ptr", Access::kWrite);
    const uint64_t size = copy_size(bound[kSize], source, destination);
    const smem_bm_copy_type type = bound[kType] == nullptr ? SMEMB_COPY_AUTO : to_copy_type(bound[kType]);
    const uint32_t flags = bound[kFlags] == nullptr ? 0 : to_flags(bound[kFlags]);
    smem_copy_params params{source.pointer(), destination.pointer(), size};
    const int32_t code = copy(memory, params, type, flags);
    memory.keep_while_queued(flags, std::move(addresses));
    return finish(code);
}

PyObject* copy_data(PyObject* self, PyObject* const* given, Py_ssize_t count, PyObject* keywords) {
    BigMemory* memory = object_of(self);
    if (memory == nullptr) {
        PyErr_SetString(PyExc_TypeError, "this BigMemory was not made by bm.create()");
        return nullptr;
    }
    smem_copy_params params;
    smem_bm_copy_type type = SMEMB_COPY_AUTO;
    uint32_t flags = 0;
    const auto positional = static_cast<size_t>(count);
    if (keywords == nullptr && (positional == kFlags || positional == kParameterCount) &&
        read_plain({given, positional}, params, type, flags)) {
        return finish(copy(*memory, params, type, flags));
    }
    try {
        return copy_general(*memory, bind(given, positional, keywords));
    } catch (py::error_already_set& error) {
        error.restore();
    } catch (const py::builtin_exception& error) {
        error.set_error();
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return nullptr;
}

/// Bytes from the first row's beginning to the last row's end; throws where that is no number of 64 bits.
uint64_t span_of_rows(uint64_t pitch, uint64_t width, uint64_t height) {
    uint64_t bytes = 0;
    if (height == 0) {
        return 0;
    }
    if (__builtin_mul_overflow(pitch, height - 1, &bytes) || __builtin_add_overflow(bytes, width, &bytes)) {
        raise_value_error("%llu rows with a pitch of %llu are more than 64 bits can address",
                          static_cast<unsigned long long>(height), static_cast<unsigned long long>(pitch));
    }
    return bytes;
}

/// A sequence of addresses, one a piece.
std::vector<Address> read_addresses(py::handle sequence, const char* name, Access access) {
    std::vector<Address> addresses;
    for (py::handle item : py::reinterpret_borrow<py::iterable>(sequence)) {
        addresses.emplace_back(item, name, access);
    }
    return addresses;
}

std::vector<uint64_t> read_sizes(py::handle sizes, const std::vector<Address>& sources,
                                 const std::vector<Address>& destinations) {
    std::vector<uint64_t> bytes;
    if (!sizes.is_none()) {
        for (py::handle item : py::reinterpret_borrow<py::iterable>(sizes)) {
            bytes.push_back(to_unsigned(item, "sizes", kNoLimit));
        }
    }
    const size_t count = sizes.is_none() ? sources.size() : bytes.size();
    if (sources.size() != count || destinations.size() != count) {
        raise_value_error("the lists differ in length: %zu sources, %zu destinations, %zu sizes",
                          sources.size(), destinations.size(), count);
    }
    for (size_t i = 0; i < count; ++i) {
        if (sizes.is_none()) {
            bytes.push_back(copy_size(py::none(), sources[i], destinations[i]));
        }
        sources[i].require(bytes[i], "src_addrs");
        destinations[i].require(bytes[i], "dst_addrs");
    }
    return bytes;
}

std::vector<void*> pointers_of(const std::vector<Address>& addresses) {
    std::vector<void*> pointers;
    pointers.reserve(addresses.size());
    for (const Address& address : addresses) {
        pointers.push_back(address.pointer());
    }
    return pointers;
}

PyMethodDef copy_data_method = {"copy_data",
                                reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&copy_data)),
                                METH_FASTCALL | METH_KEYWORDS,
                                R"(copy_data($self, src_ptr, dst_ptr, size=None, type=9, flags=0)
--

Copies size bytes from src_ptr to dst_ptr and returns 0 when they are there.

Addresses are ints, or objects with a buffer (bytes, bytearray, numpy arrays, ctypes), whose length is the size where none is
given. type is a BmCopyType; AUTO finds the direction from the addresses. With bm.ASYNC_COPY_FLAG in flags it returns once
queued; the buffers are kept until wait().)"};

}  // namespace

int32_t BigMemory::copy_data_2d(const Copy2dParams& rows, py::handle type, py::handle flags) {
    std::vector<Address> addresses;
    addresses.reserve(2);
    const Address& source = addresses.emplace_back(rows.src, "src", Access::kRead, Layout::kStrided);
    const Address& destination = addresses.emplace_back(rows.dest, "dest", Access::kWrite, Layout::kStrided);
    source.require(span_of_rows(rows.spitch, rows.width, rows.height), "src");
    destination.require(span_of_rows(rows.dpitch, rows.width, rows.height), "dest");
    const smem_bm_copy_type copy_type = to_copy_type(type);
    const uint32_t copy_flags = to_flags(flags);
    smem_copy_2d_params raw{source.pointer(), rows.spitch, destination.pointer(),
                            rows.dpitch,      rows.width,  rows.height};
    const int32_t code = without_gil([&] { return smem_bm_copy_2d(handle(), &raw, copy_type, copy_flags); });
    keep_while_queued(copy_flags, std::move(addresses));
    check("copy_data_2d", code);
    return 0;
}

int32_t BigMemory::copy_data_batch(py::handle sources, py::handle destinations, py::handle sizes,
                                   py::handle count, py::handle type, py::handle flags) {
    std::vector<Address> from = read_addresses(sources, "src_addrs", Access::kRead);
    std::vector<Address> to = read_addresses(destinations, "dst_addrs", Access::kWrite);
    const std::vector<uint64_t> bytes = read_sizes(sizes, from, to);
    const uint64_t pieces = count.is_none() ? bytes.size() : to_unsigned(count, "count", UINT32_MAX);
    if (pieces > bytes.size()) {
        raise_value_error("count is %llu, the lists have %zu pieces", static_cast<unsigned long long>(pieces),
                          bytes.size());
    }
    const smem_bm_copy_type copy_type = to_copy_type(type);
    const uint32_t copy_flags = to_flags(flags);
    std::vector<void*> source_pointers = pointers_of(from);
    std::vector<void*> destination_pointers = pointers_of(to);
    smem_batch_copy_params raw{source_pointers.data(), destination_pointers.data(), bytes.data(),
                               static_cast<uint32_t>(pieces)};
    const int32_t code =
        without_gil([&] { return smem_bm_copy_batch(handle(), &raw, copy_type, copy_flags); });
    keep_while_queued(copy_flags, std::move(from));
    keep_while_queued(copy_flags, std::move(to));
    check("copy_data_batch", code);
    return 0;
}

void add_copy_data(py::handle big_memory_class) {
    auto* type = reinterpret_cast<PyTypeObject*>(big_memory_class.ptr());
    py::object descriptor = py::reinterpret_steal<py::object>(PyDescr_NewMethod(type, &copy_data_method));
    if (!descriptor) {
        throw py::error_already_set();
    }
    big_memory_class.attr("copy_data") = descriptor;
}

}  // namespace memfabric::python
