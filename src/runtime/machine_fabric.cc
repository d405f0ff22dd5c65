// SPDX-License-Identifier: Apache-2.0
#include "runtime/machine_fabric.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/fd.h"
#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

using transport::FabricSurvey;
using transport::ProviderFinding;

using InterfaceList = std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)>;

InterfaceList interface_list() {
    ifaddrs* list = nullptr;
    return {::getifaddrs(&list) == 0 ? list : nullptr, &::freeifaddrs};
}

/// Empty for what is no address of the internet protocols, or means this link alone.
std::string address_text(const sockaddr* address) {
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) {
        return "";
    }
    const bool six = address->sa_family == AF_INET6;
    if (six && IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)) {
        return "";
    }
    return transport::socket_address_text(
        {reinterpret_cast<const char*>(address), six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)});
}

void append(std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
}

std::string numa_text(const std::string& device) {
    const std::string node = first_line_of(device + "/numa_node");
    return node.empty() || node.starts_with("-") ? "" : "NUMA node " + node;
}

std::string interface_details(const std::string& name) {
    const std::string folder = "/sys/class/net/" + name;
    std::string details = "MTU " + first_line_of(folder + "/mtu");
    const std::string speed = first_line_of(folder + "/speed");
    if (!speed.empty() && !speed.starts_with("-")) {
        append(details, speed + " Mb/s");
    }
    if (const std::string node = numa_text(folder + "/device"); !node.empty()) {
        append(details, node);
    }
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/device/infiniband", error)) {
        append(details, "RDMA " + entry.path().filename().string());
    }
    return details;
}

std::vector<NetworkInterface> find_interfaces() {
    std::vector<NetworkInterface> found;
    const InterfaceList list = interface_list();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        const auto known = std::ranges::find(found, entry->ifa_name, &NetworkInterface::name);
        NetworkInterface& interface = known != found.end() ? *known : found.emplace_back();
        if (interface.name.empty()) {
            interface.name = entry->ifa_name;
            interface.up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_RUNNING) != 0;
            interface.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
            interface.details = interface_details(interface.name);
        }
        if (const std::string address = address_text(entry->ifa_addr); !address.empty()) {
            interface.addresses.push_back(address);
        }
    }
    return found;
}

std::vector<RdmaPort> find_rdma_ports() {
    std::vector<RdmaPort> found;
    std::error_code error;
    for (const auto& device : std::filesystem::directory_iterator("/sys/class/infiniband", error)) {
        for (const auto& port : std::filesystem::directory_iterator(device.path() / "ports", error)) {
            const std::string folder = port.path().string();
            const std::string state = first_line_of(folder + "/state");
            std::string details = state;
            append(details, first_line_of(folder + "/rate"));
            append(details, first_line_of(folder + "/link_layer"));
            if (const std::string node = numa_text((device.path() / "device").string()); !node.empty()) {
                append(details, node);
            }
            found.push_back({fmt::format("{} port {}", device.path().filename().string(),
                                         port.path().filename().string()),
                             state.find("ACTIVE") != std::string::npos, details});
        }
    }
    return found;
}

/// Our address on the default route. Nothing is sent: connecting a datagram socket asks the routing table.
std::string address_of_default_route() {
    const Fd probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in anywhere{};
    anywhere.sin_family = AF_INET;
    anywhere.sin_port = htons(9);
    constexpr uint32_t kDocumentationNetwork = 0xCB007101;  // 203.0.113.1
    anywhere.sin_addr.s_addr = htonl(kDocumentationNetwork);
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (!probe.is_open() ||
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&anywhere), sizeof anywhere) != 0 ||
        ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) {
        return "";
    }
    reinterpret_cast<sockaddr_in*>(&own)->sin_port = 0;
    return address_text(reinterpret_cast<const sockaddr*>(&own));
}

MachineCheck choice_check(const MachineFabric& fabric, const std::string& wanted) {
    const FabricSurvey& survey = fabric.survey;
    if (survey.chosen.empty()) {
        return {"fabric", false, "none: " + survey.refusal,
                survey.library.empty() ? "other hosts cannot be reached: install libfabric1"
                                       : "correct MF_FABRIC_PROVIDER and MF_FABRIC_ADDRESS; what there is "
                                         "stands below"};
    }
    const std::string interface = interface_with(fabric.local_address);
    if (fabric.address_given && interface.empty()) {
        return {"fabric", false,
                fmt::format("none: no interface of this host has the address {}", fabric.local_address),
                "correct or unset MF_FABRIC_ADDRESS; the addresses that there are stand below"};
    }
    const std::string at =
        fabric.local_address.empty()
            ? ", at no address: nothing leads out of this host"
            : fmt::format(" at {} ({}), {}", fabric.local_address, interface,
                          fabric.address_given
                              ? "MF_FABRIC_ADDRESS"
                              : "on the default route; processes take their address on the way to the store");
    return {"fabric", true, fmt::format("{}{} (MF_FABRIC_PROVIDER {})", survey.chosen, at, wanted), ""};
}

MachineCheck provider_check(const ProviderFinding& provider, bool chosen) {
    std::string ways;
    for (const transport::FabricWay& way : provider.ways) {
        append(ways, way.address.empty() ? way.domain : fmt::format("{} {}", way.domain, way.address));
    }
    const std::string name = "fabric provider " + provider.name;
    if (!provider.usable) {
        return {name, false, "not usable: " + provider.note,
                provider.ways.empty() ? "nothing to do, unless this host should have such a device"
                                      : "nothing to do"};
    }
    return {name, true, fmt::format("{}{}", ways, chosen ? " (chosen)" : ""),
            provider.note.empty() ? "" : provider.note + ": taken only where MF_FABRIC_PROVIDER names it"};
}

MachineCheck interface_check(const NetworkInterface& interface) {
    std::string value;
    for (const std::string& address : interface.addresses) {
        append(value, address);
    }
    append(value, interface.up ? "up" : "down");
    append(value, interface.details);
    const bool usable = interface.up && !interface.addresses.empty();
    std::string advice;
    if (interface.loopback) {
        advice = "leads to no other host";
    } else if (!interface.up) {
        advice = "it is down, or no cable is plugged in";
    } else if (interface.addresses.empty()) {
        advice = "it has no address";
    }
    return {"network " + interface.name, usable, value, advice};
}

}  // namespace

std::string interface_with(const std::string& address) {
    const InterfaceList list = interface_list();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (!address.empty() && address_text(entry->ifa_addr) == address) {
            return entry->ifa_name;
        }
    }
    return "";
}

MachineFabric inspect_fabric(const Options& options) {
    MachineFabric found;
    const std::string& given = options.text(OptionId::kFabricAddress);
    found.address_given = !given.empty();
    found.local_address = found.address_given ? given : address_of_default_route();
    found.survey = transport::survey_fabric(options.text(OptionId::kFabricProvider), found.local_address);
    found.interfaces = find_interfaces();
    found.rdma_ports = find_rdma_ports();
    return found;
}

void check_fabric(std::vector<MachineCheck>& checks, const Options& options) {
    const MachineFabric fabric = inspect_fabric(options);
    checks.push_back(choice_check(fabric, options.text(OptionId::kFabricProvider)));
    if (!fabric.survey.library.empty()) {
        checks.push_back({"libfabric", true, fabric.survey.library, ""});
    }
    for (const ProviderFinding& provider : fabric.survey.providers) {
        checks.push_back(provider_check(provider, provider.name == fabric.survey.chosen));
    }
    for (const RdmaPort& port : fabric.rdma_ports) {
        checks.push_back({"RDMA " + port.name, port.active, port.details,
                          port.active ? "" : "the port has no link: see `ibstat` or `rdma link`"});
    }
    for (const NetworkInterface& interface : fabric.interfaces) {
        checks.push_back(interface_check(interface));
    }
}

}  // namespace memfabric
