// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/options.h"
#include "capi/private_api.h"
#include "capi/private_text.h"
#include "runtime/machine_fabric.h"
#include "runtime/machine_info.h"

namespace memfabric::capi {
namespace {

using nlohmann::json;

std::string_view type_name(OptionType type) {
    switch (type) {
        case OptionType::kFlag:
            return "flag";
        case OptionType::kInteger:
            return "integer";
        case OptionType::kSize:
            return "size";
        case OptionType::kDuration:
            return "duration";
        case OptionType::kText:
            return "text";
        case OptionType::kChoice:
            break;
    }
    return "choice";
}

struct Unit {
    int64_t factor;
    std::string_view name;
};

/// The number in the largest unit that it is a multiple of.
std::string scaled(int64_t number, std::initializer_list<Unit> largest_first) {
    for (const Unit& unit : largest_first) {
        if (number != 0 && number % unit.factor == 0) {
            return fmt::format("{}{}", number / unit.factor, unit.name);
        }
    }
    return fmt::format("{}", number);
}

std::string number_text(OptionType type, int64_t number) {
    constexpr int64_t kKiB = 1024;
    if (type == OptionType::kSize) {
        return scaled(
            number,
            {{kKiB * kKiB * kKiB * kKiB, "T"}, {kKiB * kKiB * kKiB, "G"}, {kKiB * kKiB, "M"}, {kKiB, "K"}});
    }
    if (type == OptionType::kDuration) {
        return scaled(number, {{60000, "m"}, {1000, "s"}, {1, "ms"}});
    }
    return fmt::format("{}", number);
}

std::string range_text(const OptionEntry& entry) {
    switch (entry.type) {
        case OptionType::kFlag:
            return "0 or 1";
        case OptionType::kText:
        case OptionType::kChoice:
            return std::string(entry.range);
        default:
            return fmt::format("{} to {}", number_text(entry.type, entry.lowest),
                               number_text(entry.type, entry.highest));
    }
}

Result<std::string> options_json() {
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    json rows = json::array();
    for (const OptionEntry& entry : option_table()) {
        rows.push_back({{"name", entry.name},
                        {"type", type_name(entry.type)},
                        {"default", entry.default_text},
                        {"range", range_text(entry)},
                        {"value", options.text(entry.id)},
                        {"given", options.is_given(entry.id)},
                        {"text", entry.text}});
    }
    return json{{"options", rows}}.dump();
}

json ways_json(const std::vector<transport::FabricWay>& ways) {
    json rows = json::array();
    for (const transport::FabricWay& way : ways) {
        rows.push_back({{"domain", way.domain}, {"address", way.address}});
    }
    return rows;
}

json fabric_json(const MachineFabric& fabric) {
    json providers = json::array();
    for (const transport::ProviderFinding& provider : fabric.survey.providers) {
        providers.push_back({{"name", provider.name},
                             {"usable", provider.usable},
                             {"note", provider.note},
                             {"ways", ways_json(provider.ways)}});
    }
    json interfaces = json::array();
    for (const NetworkInterface& interface : fabric.interfaces) {
        interfaces.push_back({{"name", interface.name},
                              {"up", interface.up},
                              {"loopback", interface.loopback},
                              {"addresses", interface.addresses},
                              {"details", interface.details}});
    }
    json ports = json::array();
    for (const RdmaPort& port : fabric.rdma_ports) {
        ports.push_back({{"name", port.name}, {"active", port.active}, {"details", port.details}});
    }
    json nics = json::array();
    for (const transport::FabricNic& nic : fabric.nics) {
        nics.push_back({{"interface", nic.interface}, {"address", nic.address}, {"standby", nic.standby}});
    }
    return {{"libfabric", fabric.survey.library},
            {"chosen", fabric.survey.chosen},
            {"chosen_domain", fabric.survey.chosen_way.domain},
            {"refusal", fabric.survey.refusal},
            {"local_address", fabric.local_address},
            {"nics", nics},
            {"providers", providers},
            {"interfaces", interfaces},
            {"rdma_ports", ports}};
}

Result<std::string> info_json() {
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    json checks = json::array();
    for (const MachineCheck& check : inspect_machine(options)) {
        checks.push_back(
            {{"name", check.name}, {"ok", check.ok}, {"value", check.value}, {"advice", check.advice}});
    }
    // What comes from the machine may hold any bytes.
    const json found{{"checks", checks}, {"fabric", fabric_json(inspect_fabric(options))}};
    return found.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace
}  // namespace memfabric::capi

extern "C" {

char* mf_private_options_json(void) {
    return memfabric::capi::guarded_text(memfabric::capi::options_json);
}

char* mf_private_info_json(void) {
    return memfabric::capi::guarded_text(memfabric::capi::info_json);
}

void mf_private_free_text(char* text) {
    std::free(text);
}

}  // extern "C"
