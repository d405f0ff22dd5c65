// SPDX-License-Identifier: Apache-2.0
#include "runtime/machine_fabric.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "base/fd.h"
#include "base/folder.h"
#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

using transport::FabricSurvey;
using transport::ProviderFinding;

void append(std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
}

std::string numa_text(const std::string& device) {
    const std::string node = first_line_of(device + "/numa_node");
    return node.empty() || node.starts_with("-") ? "" : "NUMA node " + node;
}

std::vector<RdmaPort> find_rdma_ports() {
    const std::string devices = "/sys/class/infiniband/";
    std::vector<RdmaPort> found;
    for (const std::string& device : names_in(devices)) {
        for (const std::string& port : names_in(devices + device + "/ports")) {
            const std::string folder = fmt::format("{}{}/ports/{}", devices, device, port);
            const std::string state = first_line_of(folder + "/state");
            std::string details = state;
            append(details, first_line_of(folder + "/rate"));
            append(details, first_line_of(folder + "/link_layer"));
            if (const std::string node = numa_text(devices + device + "/device"); !node.empty()) {
                append(details, node);
            }
            found.push_back({fmt::format("{} port {}", device, port),
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
    return transport::socket_address_text({reinterpret_cast<const char*>(&own), sizeof(sockaddr_in)});
}

MachineCheck choice_check(const MachineFabric& fabric, const std::string& wanted) {
    const FabricSurvey& survey = fabric.survey;
    if (survey.chosen.empty()) {
        return {"fabric", false, "none: " + survey.refusal,
                survey.library.empty() ? "other hosts cannot be reached: install libfabric1"
                                       : "correct MF_FABRIC_PROVIDER and MF_FABRIC_ADDRESS; what there is "
                                         "stands below"};
    }
    for (const transport::FabricNic& nic : fabric.nics) {
        if (fabric.address_given && nic.interface.empty()) {
            return {"fabric", false,
                    fmt::format("none: no interface of this host has the address {}", nic.address),
                    "correct or unset MF_FABRIC_ADDRESS; the addresses that there are stand below"};
        }
    }
    if (survey.chosen_way.address.empty()) {
        return {"fabric", true,
                fmt::format("{} at its device {} (MF_FABRIC_PROVIDER {})", survey.chosen,
                            survey.chosen_way.domain, wanted),
                ""};
    }
    const std::string at =
        fabric.local_address.empty()
            ? ", at no address: nothing leads out of this host"
            : fmt::format(" at {}, {}", nics_text(fabric.nics),
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

MachineFabric inspect_fabric(const Options& options) {
    MachineFabric found;
    const std::string& given = options.text(OptionId::kFabricAddress);
    found.address_given = !given.empty();
    found.local_address = address_of_default_route();
    found.interfaces = find_interfaces();
    Result<std::vector<transport::FabricNic>> nics = choose_nics(options, found.local_address);
    if (nics.is_ok()) {
        found.nics = *nics;
        found.local_address = found.nics.front().address;
    }
    found.survey = transport::survey_fabric(options.text(OptionId::kFabricProvider), found.local_address);
    if (!nics.is_ok()) {
        found.survey.chosen.clear();
        found.survey.refusal = nics.status().message();
    }
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
