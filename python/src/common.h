// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

/// The functions that all interfaces share: start and end, log level, TLS, config store, last error.
void bind_common(pybind11::module_& module);

}  // namespace memfabric::python
