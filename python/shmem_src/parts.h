// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

namespace py = pybind11;

/// Start and end, heap, block transfers, waits.
void bind_transfers(py::module_& module);

/// Teams and what their members do together.
void bind_teams(py::module_& module);
/// Their handles are stale from here on.
void forget_teams();

}  // namespace memfabric::python
