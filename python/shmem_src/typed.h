// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace memfabric::python {

/// shmem_TYPE_p, shmem_TYPE_g, shmem_TYPE_atomic_....
void bind_typed(pybind11::module_& module);

}  // namespace memfabric::python
