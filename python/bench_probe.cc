// SPDX-License-Identifier: Apache-2.0
// The reference of the benchmark py_copy_8B: a method of copy_data's signature that does nothing. Built with
// the benchmarks only, and in no wheel.
#include <pybind11/pybind11.h>

#include <cstdint>

namespace py = pybind11;

namespace {

struct Probe {
    int copy_data(uint64_t, uint64_t, uint64_t, int, uint32_t) { return 0; }
};

}  // namespace

PYBIND11_MODULE(_bench_probe, module) {
    py::class_<Probe>(module, "Probe")
        .def(py::init<>())
        .def("copy_data", &Probe::copy_data, py::arg("src_ptr"), py::arg("dst_ptr"), py::arg("size"),
             py::arg("type"), py::arg("flags") = 0, py::call_guard<py::gil_scoped_release>());
}
