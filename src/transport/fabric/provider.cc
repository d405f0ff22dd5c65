// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/provider.h"

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "base/environment.h"
#include "transport/fabric/libfabric.h"

namespace memfabric::transport {
namespace {

constexpr uint32_t kApiVersion = FI_VERSION(1, 15);
// By speed. "net" and "sockets" are slow, "shm" reaches this host alone: never of our own choice.
constexpr std::array<const char*, 3> kPreferred = {"efa", "verbs;ofi_rxm", "tcp;ofi_rxm"};

struct LeanSetting {
    const char* name;
    const char* value;
};
// An endpoint costs 1.8 MiB with these and 68 MiB without, at the same speed.
constexpr std::array<LeanSetting, 10> kLeanSettings = {{{"FI_OFI_RXM_MSG_RX_SIZE", "16"},
                                                        {"FI_OFI_RXM_MSG_TX_SIZE", "64"},
                                                        {"FI_OFI_RXM_TX_SIZE", "256"},
                                                        {"FI_OFI_RXM_RX_SIZE", "64"},
                                                        {"FI_OFI_RXM_BUFFER_SIZE", "1024"},
                                                        {"FI_OFI_RXM_EAGER_LIMIT", "1024"},
                                                        {"FI_OFI_RXM_CM_PROGRESS_INTERVAL", "1000"},
                                                        // A connection that breaks loses a receive. Shared
                                                        // ones run out, and then nobody reads any more what
                                                        // wakes the endpoint's threads.
                                                        {"FI_OFI_RXM_USE_SRX", "0"},
                                                        // The kernel copies: memory that its owner has freed
                                                        // is an error then and no crash. Costs 0.5 us.
                                                        {"FI_TCP_PREFETCH_RBUF_SIZE", "0"},
                                                        {"FI_TCP_STAGING_SBUF_SIZE", "0"}}};

/// libfabric reads them once, from the environment and from nowhere else. What the user set stays.
void apply_lean_settings() {
    static std::once_flag once;
    std::call_once(once, [] {
        for (const LeanSetting& setting : kLeanSettings) {
            ::setenv(setting.name, setting.value, 0);  // NOLINT(concurrency-mt-unsafe): no other way in
        }
    });
}

InfoPtr make_hints() {
    InfoPtr hints(fi_allocinfo());
    if (!hints) {
        return hints;
    }
    hints->caps = FI_MSG | FI_RMA;  // no FI_ATOMIC: atomics are requests, and peers are not to make others
    hints->mode = 0;                // so contexts are ours alone: no provider keeps its own data in them
    hints->ep_attr->type = FI_EP_RDM;
    hints->domain_attr->threading = FI_THREAD_SAFE;
    hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY;
    hints->domain_attr->resource_mgmt = FI_RM_ENABLED;
    hints->tx_attr->op_flags = 0;
    return hints;
}

Result<InfoPtr> ask(const std::string& name, const std::string& local_address) {
    MF_RETURN_IF_ERROR(check_libfabric().with_context("libfabric cannot be loaded"));
    const InfoPtr hints = make_hints();
    if (!hints) {
        return Status::without_memory();
    }
    if (!name.empty()) {
        hints->fabric_attr->prov_name = ::strdup(name.c_str());  // freed by fi_freeinfo
    }
    const bool bound = !local_address.empty();
    fi_info* found = nullptr;
    const int code = fi_getinfo(kApiVersion, bound ? local_address.c_str() : nullptr, nullptr,
                                bound ? FI_SOURCE : 0, hints.get(), &found);
    if (code != 0) {
        const bool is_short = errno_code(-code) == Code::kMallocFailed;
        return failure(is_short ? Code::kMallocFailed : Code::kNotSupported, "{}", fi_strerror(-code));
    }
    return InfoPtr(found);
}

/// Whether its addresses are those of network interfaces. Others have devices of their own, and take no
/// address of an interface for one of theirs.
bool has_addresses_of_ip(std::string_view name) {
    constexpr std::array<std::string_view, 5> kOfIp = {"tcp", "verbs", "udp", "net", "sockets"};
    return std::ranges::any_of(kOfIp, [&](std::string_view of_ip) { return name.starts_with(of_ip); });
}

std::string offered(const std::string& local_address) {
    const auto all = ask("", local_address);
    std::set<std::string_view> names;
    for (const fi_info* info = all.is_ok() ? all->get() : nullptr; info != nullptr; info = info->next) {
        names.insert(info->fabric_attr->prov_name);
    }
    std::string text;
    for (const std::string_view name : names) {
        text += text.empty() ? "" : ", ";
        text += name;
    }
    return text.empty() ? "none" : text;
}

}  // namespace

std::vector<std::string> providers_of(const std::string& setting) {
    return setting == "auto" ? std::vector<std::string>(kPreferred.begin(), kPreferred.end())
                             : std::vector<std::string>{setting};
}

std::string settings_of(std::string_view provider) {
    // Set, at the latest before libfabric read it.
    constexpr const char* kCompared = "FI_OFI_RXM_EAGER_LIMIT";
    const char* const value = environment_variable(kCompared);
    return provider.ends_with("ofi_rxm") && value != nullptr ? fmt::format("{}={}", kCompared, value) : "";
}

Result<InfoPtr> choose_provider(std::span<const std::string> names, const std::string& local_address) {
    apply_lean_settings();
    Status problem;
    std::string all;
    for (const std::string& name : names) {
        all += (all.empty() ? "" : "' or '") + name;
        auto found = ask(name, has_addresses_of_ip(name) ? local_address : "");
        if (found.is_ok()) {
            LibfabricUse::keep();
            return found;
        }
        if (problem.code() != Code::kMallocFailed) {  // that may have been the one
            problem = std::move(found).status();
        }
    }
    return failure(problem.code(),
                   "libfabric has no provider '{}' for reliable datagrams with RMA at local address '{}' "
                   "({}); it offers there: {}. Set MF_FABRIC_PROVIDER or MF_FABRIC_ADDRESS",
                   all, local_address, problem.message(), offered(local_address));
}

}  // namespace memfabric::transport
