// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

/// Binds set_extern_logger and register_decrypt_handler, and takes care that no callback is running, and none
/// comes, once the interpreter ends.
void bind_callbacks(pybind11::module_& module);

}  // namespace memfabric::python
