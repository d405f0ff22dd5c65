// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/rail.h"

#include <utility>

#include "base/log.h"
#include "transport/fabric/provider.h"

namespace memfabric::transport {
namespace {

bool has_addresses_of_ip(const FabricRail& rail) {
    const uint32_t format = rail.info->addr_format;
    return format == FI_SOCKADDR || format == FI_SOCKADDR_IN || format == FI_SOCKADDR_IN6;
}

Result<FabricRail> open_rail(std::span<const std::string> providers, const FabricNic& nic,
                             uint64_t simulated) {
    FabricRail rail{nic, {}, {}, {}, {}, simulated};
    MF_ASSIGN_OR_RETURN(rail.info, choose_provider(providers, nic.address));
    if (!has_addresses_of_ip(rail)) {
        rail.nic = {.interface = rail.info->domain_attr->name};  // a device of the provider's
    }
    fid_fabric* fabric = nullptr;
    if (const int code = fi_fabric(rail.info->fabric_attr, &fabric, nullptr); code != 0) {
        return failure(errno_code(-code), "libfabric: opening provider {} at {} failed: {}", rail.provider(),
                       rail.name(), fi_strerror(-code));
    }
    rail.fabric.reset(fabric);
    return rail;
}

bool draws_keys(const FabricRail& rail) {
    return (rail.mr_mode() & FI_MR_PROV_KEY) != 0;
}

}  // namespace

Result<fid_domain*> FabricRail::add_domain() {
    if (!domains.empty() && draws_keys(*this)) {
        return domains.front().get();
    }
    fid_domain* domain = nullptr;
    if (const int code = fi_domain(fabric.get(), info.get(), &domain, nullptr); code != 0) {
        return failure(errno_code(-code), "libfabric: opening domain {} at {} failed: {}",
                       info->domain_attr->name, name(), fi_strerror(-code));
    }
    domains.emplace_back(domain);
    return domain;
}

Result<fid_domain*> FabricRail::add_target_domain() {
    MF_ASSIGN_OR_RETURN(fid_domain* const domain, add_domain());
    if (targets.empty() || targets.back() != domain) {
        targets.push_back(domain);
    }
    return domain;
}

std::string FabricRail::name() const {
    if (nic.interface.empty() || nic.address.empty()) {
        return nic.interface.empty() ? nic.address : nic.interface;
    }
    return fmt::format("{} ({})", nic.interface, nic.address);
}

Result<FabricRails> open_rails(std::span<const std::string> providers, std::span<const FabricNic> nics,
                               uint64_t simulated) {
    const FabricNic anywhere;
    FabricRails rails;
    MF_ASSIGN_OR_RETURN(FabricRail first,
                        open_rail(providers, nics.empty() ? anywhere : nics.front(), simulated));
    rails.push_back(std::move(first));
    const std::string provider = rails.front().provider();
    for (size_t i = 1; i < nics.size(); ++i) {
        if (draws_keys(rails.front()) || !has_addresses_of_ip(rails.front())) {
            log_info("fabric: provider {} is used over one interface a process, {}: {} is left out", provider,
                     rails.front().name(), nics[i].interface);
            continue;
        }
        Result<FabricRail> rail = open_rail({&provider, 1}, nics[i], simulated);
        if (rail.is_ok()) {
            rails.push_back(std::move(rail).value());
        } else if (nics[i].optional && rail.status().code() != Code::kMallocFailed) {
            log_info("fabric: {} is left out: {}", nics[i].interface, rail.status().message());
        } else {
            return std::move(rail).status();
        }
    }
    return rails;
}

}  // namespace memfabric::transport
