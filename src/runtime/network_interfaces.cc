// SPDX-License-Identifier: Apache-2.0
#include "runtime/network_interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "base/folder.h"
#include "runtime/machine_checks.h"
#include "transport/fabric/survey.h"

namespace memfabric {
namespace {

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

std::string folder_of(const std::string& interface) {
    return "/sys/class/net/" + interface;
}

/// -1, or nothing, where the driver does not know it.
uint64_t speed_of(const std::string& interface) {
    const std::string text = first_line_of(folder_of(interface) + "/speed");
    uint64_t speed = 0;
    std::from_chars(text.data(), text.data() + text.size(), speed);
    return speed;
}

std::string details_of(const NetworkInterface& interface) {
    const std::string folder = folder_of(interface.name);
    std::string details = "MTU " + first_line_of(folder + "/mtu");
    if (interface.speed > 0) {
        append(details, fmt::format("{} Mb/s", interface.speed));
    }
    if (const std::string node = first_line_of(folder + "/device/numa_node");
        !node.empty() && !node.starts_with("-")) {
        append(details, "NUMA node " + node);
    }
    for (const std::string& device : names_in(folder + "/device/infiniband")) {
        append(details, "RDMA " + device);
    }
    return details;
}

bool is_made_here(const std::string& interface, unsigned flags) {
    std::error_code error;
    const std::string folder = folder_of(interface);
    return (flags & IFF_POINTOPOINT) != 0 || std::filesystem::exists(folder + "/bridge", error) ||
           std::filesystem::exists(folder + "/tun_flags", error) || interface.starts_with("docker") ||
           interface.starts_with("virbr") || interface.starts_with("cni") ||
           interface.starts_with("flannel") || interface.starts_with("cali");
}

}  // namespace

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
            interface.made_here = is_made_here(interface.name, entry->ifa_flags);
            interface.speed = speed_of(interface.name);
            interface.details = details_of(interface);
        }
        if (const std::string address = address_text(entry->ifa_addr); !address.empty()) {
            interface.addresses.push_back(address);
        }
    }
    return found;
}

std::string interface_with(const std::string& address) {
    const InterfaceList list = interface_list();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (!address.empty() && address_text(entry->ifa_addr) == address) {
            return entry->ifa_name;
        }
    }
    return "";
}

}  // namespace memfabric
