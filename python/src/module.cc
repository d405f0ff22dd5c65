// SPDX-License-Identifier: Apache-2.0
#include <pybind11/pybind11.h>

#include <string>

#include "bm.h"
#include "callbacks.h"
#include "capi/private_api.h"
#include "common.h"
#include "share_memory.h"
#include "transfer.h"
#include "views.h"

namespace memfabric::python {
namespace {

/// The extension uses the library's private functions, which hold within one build only.
void require_same_build() {
    const std::string expected = MEMFABRIC_VERSION "/" + std::to_string(MF_PRIVATE_INTERFACE);
    const char* found = mf_private_build_id();
    if (expected != found) {
        throw pybind11::import_error(
            "memfabric: this Python extension is of build " + expected +
            ", but the libmemfabric.so.1 that was loaded is of build " + found +
            "; install both from one wheel, and look at LD_LIBRARY_PATH and LD_PRELOAD");
    }
}

}  // namespace
}  // namespace memfabric::python

PYBIND11_MODULE(_core, module) {
    using namespace memfabric::python;
    require_same_build();
    pybind11::options options;
    options.disable_function_signatures();  // the docstrings carry them in the form that inspect.signature()
                                            // reads
    module.doc() = "The C part of memfabric; use the package.";
    module.attr("version") = MEMFABRIC_VERSION;
    bind_common(module);
    bind_callbacks(module);
    bind_views(module);
    bind_bm(module);
    bind_shm(module);
    bind_transfer(module);
}
