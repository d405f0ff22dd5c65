// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "smem_bm.h"

namespace memfabric::python {

/// smem_bm_config_t, and what the C struct cannot hold.
struct BmConfig {
    BmConfig() { (void)smem_bm_config_init(&raw); }

    smem_bm_config_t raw{};
    bool rank_given_as_minus_one = false;  // reads as it was written; for the library it is 65535, "not set"
    std::string nic;
};

void bind_bm_config(pybind11::module_& module);

}  // namespace memfabric::python
