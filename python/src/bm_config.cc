// SPDX-License-Identifier: Apache-2.0
#include "bm_config.h"

#include "buffers.h"
#include "errors.h"

namespace memfabric::python {
namespace {

constexpr uint16_t kRankNotSet = UINT16_MAX;

using ConfigClass = py::class_<BmConfig>;

template <uint32_t smem_bm_config_t::*field>
void number(ConfigClass& config, const char* name, const char* doc) {
    config.def_property(
        name, [](const BmConfig& self) { return self.raw.*field; },
        [name](BmConfig& self, py::handle value) {
            self.raw.*field = static_cast<uint32_t>(to_unsigned(value, name, UINT32_MAX));
        },
        doc);
}

template <bool smem_bm_config_t::*field>
void flag(ConfigClass& config, const char* name, const char* doc) {
    config.def_property(
        name, [](const BmConfig& self) { return self.raw.*field; },
        [](BmConfig& self, bool value) { self.raw.*field = value; }, doc);
}

int rank_of(const BmConfig& config) {
    return config.rank_given_as_minus_one ? -1 : config.raw.rankId;
}

void set_rank(BmConfig& config, py::handle rank) {
    config.rank_given_as_minus_one = rank.equal(py::int_(-1));
    config.raw.rankId =
        config.rank_given_as_minus_one
            ? kRankNotSet
            : static_cast<uint16_t>(to_unsigned(rank, "rank_id (or -1: not set)", kRankNotSet));
}

py::str describe(py::handle config) {
    std::string text = "BmConfig(";
    const char* separator = "";
    for (const char* name :
         {"init_timeout", "create_timeout", "operation_timeout", "start_store", "start_store_only",
          "dynamic_world_size", "unified_address_space", "auto_ranking", "rank_id", "flags"}) {
        text += separator + std::string(name) + "=" + py::repr(config.attr(name)).cast<std::string>();
        separator = ", ";
    }
    return py::str(text + ")");
}

}  // namespace

void bind_bm_config(py::module_& module) {
    ConfigClass config(module, "BmConfig", "What bm.initialize() needs to know; made with the defaults.");
    config.def(py::init<>(), "__init__(self, /)\n--\n\n");
    number<&smem_bm_config_t::initTimeout>(config, "init_timeout",
                                           "seconds that initialize() may take, default 120");
    number<&smem_bm_config_t::createTimeout>(config, "create_timeout",
                                             "seconds that create() may take, default 120");
    number<&smem_bm_config_t::controlOperationTimeout>(
        config, "operation_timeout",
        "seconds that join(), leave(), wait() and the like may take, default 120");
    flag<&smem_bm_config_t::startConfigStore>(
        config, "start_store",
        "rank 0 (under auto_ranking: who comes first on the store's host) serves the store, default True");
    flag<&smem_bm_config_t::startConfigStoreOnly>(config, "start_store_only",
                                                  "serve the store and take no rank, default False");
    flag<&smem_bm_config_t::dynamicWorldSize>(
        config, "dynamic_world_size",
        "ranks come and go, up to 1024; default False: never more than world_size");
    flag<&smem_bm_config_t::unifiedAddressSpace>(config, "unified_address_space",
                                                 "must be True, the default");
    flag<&smem_bm_config_t::autoRanking>(config, "auto_ranking",
                                         "the store assigns the ranks, default False");
    config.def_property("rank_id", &rank_of, &set_rank,
                        "this rank, where auto_ranking is off; -1 and the default 65535 mean: not set");
    number<&smem_bm_config_t::flags>(config, "flags", "reserved, default 0");
    config.def(
        "set_nic", [](BmConfig& self, const std::string& nic) { self.nic = nic; }, py::arg("nic"),
        "set_nic(self, /, nic)\n--\n\nKeeps the name of a network interface, for programs that give one; "
        "nothing here needs it.");
    config.def_property_readonly(
        "nic", [](const BmConfig& self) { return self.nic; }, "what set_nic() was given");
    config.def("__repr__", &describe);
}

}  // namespace memfabric::python
