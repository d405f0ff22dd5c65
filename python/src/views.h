// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

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

void bind_views(py::module_& module);

}  // namespace memfabric::python
