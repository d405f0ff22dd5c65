// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <rdma/fabric.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

using GetInfo = decltype(&fi_getinfo);
using FreeInfo = decltype(&fi_freeinfo);

/// "tcp;ofi_rxm (lo, eth0)" for each provider.
std::string provider_text(const fi_info* all) {
    std::map<std::string, std::set<std::string>> domains;
    for (const fi_info* info = all; info != nullptr; info = info->next) {
        if (info->fabric_attr != nullptr && info->fabric_attr->prov_name != nullptr) {
            const bool named = info->domain_attr != nullptr && info->domain_attr->name != nullptr;
            domains[info->fabric_attr->prov_name].insert(named ? info->domain_attr->name : "?");
        }
    }
    std::string text;
    for (const auto& [provider, names] : domains) {
        std::string list;
        for (const std::string& name : names) {
            list += (list.empty() ? "" : ", ") + name;
        }
        text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", provider, list);
    }
    return text;
}

}  // namespace

void check_devices(std::vector<MachineCheck>& checks, const Options& options) {
    std::string value = options.text(OptionId::kDeviceProvider) + ": HBM is backed by DRAM";
    // The program must not change its environment meanwhile.
    const char* ascend = std::getenv("ASCEND_HOME_PATH");  // NOLINT(concurrency-mt-unsafe)
    value += fmt::format("; ASCEND_HOME_PATH {}", ascend != nullptr ? ascend : "not set");
    checks.push_back({"device provider", true, value, ascend != nullptr ? "this version drives no NPU" : ""});
}

void check_fabric(std::vector<MachineCheck>& checks) {
    // Never unloaded: its providers may have started threads.
    void* library = ::dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        checks.push_back({"fabric providers", false, "libfabric.so.1 is not there",
                          "other hosts cannot be reached: install libfabric1"});
        return;
    }
    const auto get_info = reinterpret_cast<GetInfo>(::dlsym(library, "fi_getinfo"));
    const auto free_info = reinterpret_cast<FreeInfo>(::dlsym(library, "fi_freeinfo"));
    if (get_info == nullptr || free_info == nullptr) {
        checks.push_back({"fabric providers", false, "libfabric.so.1 lacks fi_getinfo",
                          "install the libfabric1 of Debian 12 or later"});
        return;
    }
    fi_info* all = nullptr;
    const int code =
        get_info(FI_VERSION(FI_MAJOR_VERSION, FI_MINOR_VERSION), nullptr, nullptr, 0, nullptr, &all);
    const std::unique_ptr<fi_info, FreeInfo> owner(all, free_info);
    if (code != 0 || all == nullptr) {
        checks.push_back(
            {"fabric providers", false, fmt::format("none: {}", errno_text(-code)), "see `fi_info` for why"});
        return;
    }
    checks.push_back({"fabric providers", true, provider_text(all), ""});
}

}  // namespace memfabric
