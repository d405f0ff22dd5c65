// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

/// BmConfig, CopyData2DParams, BigMemory, and the functions on which memfabric/bm.py stands.
void bind_bm(pybind11::module_& module);

}  // namespace memfabric::python
