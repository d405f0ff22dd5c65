// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

/// The functions behind memfabric.TransferEngine.
void bind_transfer(pybind11::module_& module);

}  // namespace memfabric::python
