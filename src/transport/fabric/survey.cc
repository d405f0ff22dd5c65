// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/survey.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string_view>

#include "base/folder.h"
#include "base/status.h"
#include "transport/fabric/libfabric.h"
#include "transport/fabric/provider.h"

namespace memfabric::transport {
namespace {

// Wanted where the machine has what they need; libfabric does not even list them elsewhere.
constexpr std::array<std::string_view, 3> kWanted = {"efa", "verbs;ofi_rxm", "tcp;ofi_rxm"};

bool has_rdma_device() {
    return !names_in("/sys/class/infiniband").empty();
}

InfoPtr all_offers() {
    fi_info* all = nullptr;
    static_cast<void>(fi_getinfo(FI_VERSION(1, 15), nullptr, nullptr, 0, nullptr, &all));
    return InfoPtr(all);
}

std::string_view provider_of(const fi_info& info) {
    return info.fabric_attr != nullptr && info.fabric_attr->prov_name != nullptr ? info.fabric_attr->prov_name
                                                                                 : "";
}

FabricWay way_of(const fi_info& info) {
    FabricWay way;
    if (info.domain_attr != nullptr && info.domain_attr->name != nullptr) {
        way.domain = info.domain_attr->name;
    }
    if (info.src_addr != nullptr) {
        way.address = socket_address_text({static_cast<const char*>(info.src_addr), info.src_addrlen});
    }
    return way;
}

void add_way(std::vector<FabricWay>& ways, const FabricWay& way) {
    const bool of_link_alone = way.address.starts_with("fe80:");
    const bool known = of_link_alone || std::ranges::any_of(ways, [&](const FabricWay& other) {
                           return other.domain == way.domain && other.address == way.address;
                       });
    if (!known) {
        ways.push_back(way);
    }
}

std::string why_absent(std::string_view provider) {
    const bool wants_rdma = provider.starts_with("verbs") || provider.starts_with("efa");
    if (wants_rdma && !has_rdma_device()) {
        return "this host has no RDMA device (/sys/class/infiniband is empty; a container needs "
               "/dev/infiniband)";
    }
    return "libfabric offers it for none of this host's devices";
}

/// Of a provider that is there, but is not what libfabric gives for our needs.
std::string why_unfit(const std::string& given) {
    return given.empty() ? "it lacks something of reliable datagrams, remote memory access"
                         : fmt::format("no reliable datagrams of its own: used as {}", given);
}

std::string why_never_unasked(std::string_view provider) {
    if (provider == "shm") {
        return "reaches processes of this host alone";
    }
    if (provider.starts_with("net") || provider.starts_with("sockets") || provider.starts_with("udp")) {
        return "slower than tcp;ofi_rxm";
    }
    return "";
}

ProviderFinding finding_of(const std::string& name, const fi_info* offers) {
    ProviderFinding finding{name, false, "", {}};
    for (const fi_info* info = offers; info != nullptr; info = info->next) {
        if (provider_of(*info) == name) {
            add_way(finding.ways, way_of(*info));
        }
    }
    if (finding.ways.empty()) {
        finding.note = why_absent(name);
        return finding;
    }
    const auto granted = choose_provider({&name, 1}, "");
    const std::string given(granted.is_ok() ? provider_of(**granted) : "");
    finding.usable = given == name;
    finding.note = finding.usable ? why_never_unasked(name) : why_unfit(given);
    return finding;
}

}  // namespace

std::string socket_address_text(std::string_view socket_address) {
    sockaddr_storage storage{};
    if (socket_address.size() < sizeof(sockaddr_in) || socket_address.size() > sizeof storage) {
        return "";
    }
    std::memcpy(&storage, socket_address.data(), socket_address.size());
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool six = storage.ss_family == AF_INET6;
    if (storage.ss_family != AF_INET && !(six && socket_address.size() >= sizeof(sockaddr_in6))) {
        return "";
    }
    sockaddr_in four{};
    sockaddr_in6 long_one{};
    std::memcpy(&four, &storage, sizeof four);
    std::memcpy(&long_one, &storage, sizeof long_one);
    const void* const bytes =
        six ? static_cast<const void*>(&long_one.sin6_addr) : static_cast<const void*>(&four.sin_addr);
    if (::inet_ntop(storage.ss_family, bytes, text.data(), text.size()) == nullptr) {
        return "";
    }
    const uint16_t port = ntohs(six ? long_one.sin6_port : four.sin_port);
    if (port == 0) {
        return text.data();
    }
    return six ? fmt::format("[{}]:{}", text.data(), port) : fmt::format("{}:{}", text.data(), port);
}

FabricSurvey survey_fabric(const std::string& provider, const std::string& local_address) {
    const LibfabricUse use;
    FabricSurvey survey;
    const auto chosen = choose_provider(providers_of(provider), local_address);
    if (chosen.is_ok()) {
        survey.chosen = provider_of(**chosen);
        survey.chosen_way = way_of(**chosen);
    } else {
        survey.refusal = chosen.status().message();
    }
    const InfoPtr offers = all_offers();
    if (offers) {
        const uint32_t version = fi_version();
        survey.library = fmt::format("{}.{}", FI_MAJOR(version), FI_MINOR(version));
    }
    std::vector<std::string> names(kWanted.begin(), kWanted.end());
    for (const fi_info* info = offers.get(); info != nullptr; info = info->next) {
        if (std::ranges::find(names, provider_of(*info)) == names.end()) {
            names.emplace_back(provider_of(*info));
        }
    }
    for (const std::string& name : names) {
        survey.providers.push_back(finding_of(name, offers.get()));
    }
    return survey;
}

}  // namespace memfabric::transport
