// SPDX-License-Identifier: Apache-2.0
#include "runtime/nic_choice.h"

#include <algorithm>
#include <string_view>

#include "runtime/nic_locality.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric {
namespace {

using transport::FabricNic;

bool is_six(std::string_view address) {
    return address.find(':') != std::string_view::npos;
}

/// The interface's first address of that kind; empty where it has none.
std::string address_like(const NetworkInterface& interface, const std::string& example) {
    const auto found = std::ranges::find_if(
        interface.addresses, [&](const std::string& address) { return is_six(address) == is_six(example); });
    return found == interface.addresses.end() ? "" : *found;
}

std::string names_of(std::span<const NetworkInterface> interfaces) {
    std::string names;
    for (const NetworkInterface& interface : interfaces) {
        names += (names.empty() ? "" : ", ") + interface.name;
        for (const std::string& address : interface.addresses) {
            names += " " + address;
        }
    }
    return names;
}

Result<FabricNic> named_nic(const std::string& name, const std::string& example,
                            std::span<const NetworkInterface> interfaces) {
    const auto called = std::ranges::find(interfaces, name, &NetworkInterface::name);
    if (called == interfaces.end()) {
        const auto has = [&](const NetworkInterface& interface) {
            return std::ranges::count(interface.addresses, name) > 0;
        };
        const auto found = std::ranges::find_if(interfaces, has);
        const bool is_name = name.find_first_of(".:") == std::string::npos;
        if (found == interfaces.end() && is_name) {
            return failure(
                Code::kInvalidParam,
                "MF_FABRIC_ADDRESS: '{}' is neither an address nor an interface of this host; there "
                "are {}",
                name, names_of(interfaces));
        }
        return FabricNic{.address = name, .interface = found == interfaces.end() ? "" : found->name};
    }
    const std::string address = address_like(*called, example);
    if (address.empty()) {
        return failure(Code::kInvalidParam, "MF_FABRIC_ADDRESS: interface {} has no IPv{} address", name,
                       is_six(example) ? 6 : 4);
    }
    return FabricNic{.address = address, .interface = name};
}

bool is_usable(const NetworkInterface& interface, const std::string& example) {
    return interface.up && !interface.loopback && !interface.made_here &&
           !address_like(interface, example).empty();
}

}  // namespace

Result<std::vector<FabricNic>> named_nics(const std::string& names, const std::string& example,
                                          std::span<const NetworkInterface> interfaces) {
    std::vector<FabricNic> nics;
    for (size_t begin = 0; begin <= names.size();) {
        const size_t end = std::min(names.find(',', begin), names.size());
        std::string name = names.substr(begin, end - begin);
        std::erase(name, ' ');
        begin = end + 1;
        if (name.empty()) {
            return failure(Code::kInvalidParam, "MF_FABRIC_ADDRESS: '{}' has an empty place in its list",
                           names);
        }
        MF_ASSIGN_OR_RETURN(FabricNic nic, named_nic(name, example, interfaces));
        if (std::ranges::count(nics, nic.address, &FabricNic::address) > 0) {
            return failure(Code::kInvalidParam, "MF_FABRIC_ADDRESS: '{}' names {} twice", names, nic.address);
        }
        nics.push_back(std::move(nic));
    }
    if (nics.size() > transport::FabricAddress::kMostPorts) {
        return failure(Code::kInvalidParam, "MF_FABRIC_ADDRESS: '{}' names {} interfaces; {} are the most",
                       names, nics.size(), transport::FabricAddress::kMostPorts);
    }
    return nics;
}

std::vector<FabricNic> found_nics(const std::string& local_address,
                                  std::span<const NetworkInterface> interfaces, const NearOnes& near_ones) {
    const auto has_it = [&](const NetworkInterface& interface) {
        return std::ranges::count(interface.addresses, local_address) > 0;
    };
    const auto main = std::ranges::find_if(interfaces, has_it);
    if (main == interfaces.end() || main->loopback) {
        return {FabricNic{.address = local_address, .interface = main == interfaces.end() ? "" : main->name}};
    }
    std::vector<const NetworkInterface*> usable{&*main};
    for (const NetworkInterface& interface : interfaces) {
        if (&interface != &*main && is_usable(interface, local_address)) {
            usable.push_back(&interface);
        }
    }
    std::vector<std::string> names;
    uint64_t fastest = 0;
    for (const NetworkInterface* interface : usable) {
        names.push_back(interface->name);
        fastest = std::max(fastest, interface->speed);
    }
    const std::set<std::string> near = names.size() > 1 ? near_ones(names) : std::set<std::string>();
    std::vector<FabricNic> nics;
    for (const NetworkInterface* interface : usable) {
        const bool slow = interface->speed > 0 && interface->speed < fastest / 2;
        const bool far = !near.empty() && !near.contains(interface->name);
        const bool is_main = interface == usable.front();
        nics.push_back({.address = is_main ? local_address : address_like(*interface, local_address),
                        .interface = interface->name,
                        .standby = slow || far,
                        .optional = !is_main});
    }
    if (std::ranges::all_of(nics, &FabricNic::standby)) {
        std::ranges::for_each(nics, [](FabricNic& nic) { nic.standby = false; });
    }
    nics.resize(std::min(nics.size(), transport::FabricAddress::kMostPorts));
    return nics;
}

Result<std::vector<FabricNic>> choose_nics(const Options& options, const std::string& local_address) {
    const std::string& names = options.text(OptionId::kFabricAddress);
    const std::vector<NetworkInterface> interfaces = find_interfaces();
    if (!names.empty()) {
        return named_nics(names, local_address, interfaces);
    }
    return found_nics(local_address, interfaces,
                      [](const std::vector<std::string>& near) { return interfaces_near_us(near); });
}

std::string nics_text(std::span<const FabricNic> nics) {
    std::string text;
    for (const FabricNic& nic : nics) {
        text += text.empty() ? "" : ", ";
        text += nic.interface.empty()
                    ? nic.address
                    : fmt::format("{} ({}{})", nic.interface, nic.address, nic.standby ? ", standby" : "");
    }
    return text;
}

}  // namespace memfabric
