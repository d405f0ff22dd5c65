// SPDX-License-Identifier: Apache-2.0
#include "common.h"

#include <limits>
#include <string>

#include "buffers.h"
#include "errors.h"
#include "smem.h"

namespace memfabric::python {
namespace {

int32_t initialize(py::handle flags) {
    const auto bits = static_cast<uint32_t>(to_unsigned(flags, "flags", UINT32_MAX));
    return without_gil([&] { return smem_init(bits); });
}

int32_t set_conf_store_tls(bool enable, const std::string& tls_info) {
    return without_gil([&] {
        const auto length = static_cast<uint32_t>(std::min<size_t>(tls_info.size(), UINT32_MAX));
        return smem_set_conf_store_tls(enable, tls_info.c_str(), length);
    });
}

void bind_errors(py::module_& module) {
    module.def(
        "get_last_err_msg", [] { return py::str(smem_get_last_err_msg()); },
        R"(get_last_err_msg($module, /)
--

Text of the last failure on the calling thread, "" where nothing failed.)");
    module.def(
        "get_and_clear_last_err_msg", [] { return py::str(smem_get_and_clear_last_err_msg()); },
        R"(get_and_clear_last_err_msg($module, /)
--

As get_last_err_msg(), and forgets the text.)");
}

}  // namespace

void bind_common(py::module_& module) {
    module.def("initialize", &initialize, py::arg("flags") = 0,
               R"(initialize($module, /, flags=0)
--

Marks the beginning of use. Never required. flags is reserved. Returns 0.)");
    module.def(
        "uninitialize", [] { without_gil([] { smem_uninit(); }); },
        R"(uninitialize($module, /)
--

Ends what initialize() began: config stores of this process stop, unless bm still uses them.)");
    module.def(
        "set_log_level", [](int level) { return without_gil([&] { return smem_set_log_level(level); }); },
        py::arg("level"),
        R"(set_log_level($module, /, level)
--

Sets the lowest level that is written: 0 debug, 1 info, 2 warn, 3 error, 4 fatal. Returns 0 or an error code.)");
    module.def("set_conf_store_tls", &set_conf_store_tls, py::arg("enable"), py::arg("tls_info") = "",
               R"(set_conf_store_tls($module, /, enable, tls_info='')
--

Decides about TLS between config stores and their clients made from now on.

tls_info has "key: value;" pairs: tlsCaPath, tlsCaFile, tlsCert, tlsPk, tlsPkPwd, tlsCrlPath, tlsCrlFile. With enable False it
is ignored and everything is plain text, on the caller's responsibility. Returns 0 or an error code.)");
    module.def(
        "create_config_store",
        [](const std::string& store_url) {
            return without_gil([&] { return smem_create_config_store(store_url.c_str()); });
        },
        py::arg("store_url"),
        R"(create_config_store($module, /, store_url)
--

Starts a config store inside this process at "tcp://host:port". Returns 0 or an error code.)");
    bind_errors(module);
}

}  // namespace memfabric::python
