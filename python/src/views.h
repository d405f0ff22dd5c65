// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <functional>

namespace memfabric::python {

namespace py = pybind11;

/// What lies under a numpy view: keeps the pool's address range mapped until the last view of it is gone,
/// also after the handle was destroyed. Its memory then reads as zeros.
class Region {
 public:
    Region(void* token, uint64_t address, uint64_t size) : token_(token), address_(address), size_(size) {}
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region();

    uint64_t address() const { return address_; }
    uint64_t size() const { return size_; }

 private:
    void* token_;
    uint64_t address_;
    uint64_t size_;
};

/// Memory that a view may be of: from an address to the end of a rank's memory.
struct ViewRoom {
    uint64_t address;
    uint64_t size;  // bytes
    /// Keeps (address, size) mapped: a token for Region; null, and a last error, where it cannot. Called
    /// without the GIL.
    std::function<void*(uint64_t address, uint64_t size)> retain;
};

/// The part of `room` that begins at `offset`.
ViewRoom skip(ViewRoom room, py::handle offset);

/// A memoryview of `size` bytes, None: all.
py::object make_buffer(const ViewRoom& room, py::handle size);
/// A numpy array; `size` in bytes, `shape`, or neither: all.
py::object make_view(const ViewRoom& room, py::handle size, py::handle dtype, py::handle shape);

void bind_views(py::module_& module);

}  // namespace memfabric::python
