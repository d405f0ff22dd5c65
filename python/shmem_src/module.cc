// SPDX-License-Identifier: Apache-2.0
#include <pybind11/pybind11.h>

#include "parts.h"
#include "typed.h"

PYBIND11_MODULE(_shmem, module) {
    using namespace memfabric::python;
    pybind11::options options;
    options.disable_function_signatures();
    module.doc() = "The C part of shmem; use the package.";
    bind_typed(module);
    bind_transfers(module);
    bind_teams(module);
}
