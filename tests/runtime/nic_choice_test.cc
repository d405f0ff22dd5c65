// SPDX-License-Identifier: Apache-2.0
#include "runtime/nic_choice.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "runtime/nic_locality.h"

namespace memfabric {
namespace {

using transport::FabricNic;

NetworkInterface interface(std::string name, std::vector<std::string> addresses, uint64_t speed = 0) {
    return {.name = std::move(name), .up = true, .addresses = std::move(addresses), .speed = speed};
}

std::vector<NetworkInterface> host() {
    std::vector<NetworkInterface> all = {interface("lo", {"127.0.0.1", "::1"}),
                                         interface("mgmt", {"192.168.0.1"}, 1000),
                                         interface("fast0", {"10.0.0.1", "fd00::1"}, 100000),
                                         interface("fast1", {"10.1.0.1"}, 100000),
                                         interface("docker0", {"172.17.0.1"}),
                                         interface("down0", {"10.2.0.1"}, 100000)};
    all[0].loopback = true;
    all[4].made_here = true;
    all[5].up = false;
    return all;
}

std::set<std::string> everywhere(const std::vector<std::string>& interfaces) {
    return {interfaces.begin(), interfaces.end()};
}

std::string found(const std::string& local_address, const NearOnes& near = everywhere) {
    return nics_text(found_nics(local_address, host(), near));
}

std::string named(const std::string& names, const std::string& example = "10.0.0.1") {
    const auto nics = named_nics(names, example, host());
    return nics.is_ok() ? nics_text(*nics) : nics.status().message();
}

TEST(FoundNics, AreTheFastOnesAndTheWayToTheStoreStandsBy) {
    EXPECT_EQ(found("192.168.0.1"), "mgmt (192.168.0.1, standby), fast0 (10.0.0.1), fast1 (10.1.0.1)");
    EXPECT_EQ(found("10.0.0.1"), "fast0 (10.0.0.1), mgmt (192.168.0.1, standby), fast1 (10.1.0.1)");
}

TEST(FoundNics, AreOfOneKindOfAddress) {
    EXPECT_EQ(found("fd00::1"), "fast0 (fd00::1)");
}

TEST(FoundNics, OfLoopbackOrOfNoInterfaceAreNoOthers) {
    EXPECT_EQ(found("127.0.0.1"), "lo (127.0.0.1)");
    EXPECT_EQ(found("10.9.9.9"), "10.9.9.9");
}

TEST(FoundNics, ABridgeIsUsedOnlyWhereItLeadsToTheStore) {
    EXPECT_TRUE(found("172.17.0.1").starts_with("docker0 (172.17.0.1)")) << found("172.17.0.1");
    EXPECT_EQ(found("10.0.0.1").find("docker0"), std::string::npos);
}

TEST(FoundNics, FarOnesStandBy) {
    const auto near = [](const std::vector<std::string>&) { return std::set<std::string>{"fast1", "mgmt"}; };
    EXPECT_EQ(found("10.0.0.1", near),
              "fast0 (10.0.0.1, standby), mgmt (192.168.0.1, standby), fast1 (10.1.0.1)");
    const auto slow_alone = [](const std::vector<std::string>&) { return std::set<std::string>{"mgmt"}; };
    EXPECT_EQ(found("10.0.0.1", slow_alone), "fast0 (10.0.0.1), mgmt (192.168.0.1), fast1 (10.1.0.1)")
        << "somebody has to do it";
}

TEST(FoundNics, SpeedsThatAreNotKnownAreEqual) {
    const std::vector<NetworkInterface> two = {interface("a", {"10.0.0.1"}), interface("b", {"10.1.0.1"})};
    EXPECT_EQ(nics_text(found_nics("10.1.0.1", two, everywhere)), "b (10.1.0.1), a (10.0.0.1)");
}

TEST(NamedNics, AreAddressesAndInterfacesInTheirOrder) {
    EXPECT_EQ(named("10.1.0.1"), "fast1 (10.1.0.1)");
    EXPECT_EQ(named("fast1, 10.0.0.1"), "fast1 (10.1.0.1), fast0 (10.0.0.1)");
    EXPECT_EQ(named("fast0", "fd00::9"), "fast0 (fd00::1)");
    EXPECT_EQ(named("docker0"), "docker0 (172.17.0.1)") << "whoever names it wants it";
    EXPECT_EQ(named("10.77.0.1"), "10.77.0.1") << "the provider says that it is not there";
}

TEST(NamedNics, OfMistakesTheTextSaysWhich) {
    EXPECT_EQ(named("fast7"),
              "MF_FABRIC_ADDRESS: 'fast7' is neither an address nor an interface of this host; there are lo "
              "127.0.0.1 ::1, mgmt 192.168.0.1, fast0 10.0.0.1 fd00::1, fast1 10.1.0.1, docker0 172.17.0.1, "
              "down0 10.2.0.1");
    EXPECT_EQ(named("fast1", "fd00::9"), "MF_FABRIC_ADDRESS: interface fast1 has no IPv6 address");
    EXPECT_EQ(named("fast0,"), "MF_FABRIC_ADDRESS: 'fast0,' has an empty place in its list");
    EXPECT_EQ(named("fast0,10.0.0.1"), "MF_FABRIC_ADDRESS: 'fast0,10.0.0.1' names 10.0.0.1 twice");
    EXPECT_EQ(named("10.3.0.1,10.3.0.2,10.3.0.3,10.3.0.4,10.3.0.5,10.3.0.6,10.3.0.7,10.3.0.8,10.3.0.9")
                  .substr(0, 17),
              "MF_FABRIC_ADDRESS");
}

/// A package with a processor and an interface, as hwloc writes it.
std::string package(unsigned number, const std::string& interface) {
    const std::string set = fmt::format("{:#x}", 1U << number);
    const unsigned index = 2 + 6 * number;  // of objects; no two have the same
    return fmt::format(
        R"(<object type="Package" os_index="{0}" cpuset="{1}" complete_cpuset="{1}" nodeset="{1}"
             complete_nodeset="{1}" gp_index="{2}">
             <object type="NUMANode" os_index="{0}" cpuset="{1}" complete_cpuset="{1}" nodeset="{1}"
               complete_nodeset="{1}" gp_index="{3}" local_memory="4096"/>
             <object type="PU" os_index="{0}" cpuset="{1}" complete_cpuset="{1}" nodeset="{1}"
               complete_nodeset="{1}" gp_index="{4}"/>
             <object type="Bridge" gp_index="{5}" bridge_type="0-1" depth="0" bridge_pci="0000:[{7}0-{7}1]">
               <object type="PCIDev" gp_index="{6}" pci_busid="0000:{7}0:03.0"
                 pci_type="0200 [8086:100e] [8086:001e] 02" pci_link_speed="0.000000">
                 <object type="OSDev" gp_index="{8}" name="{9}" osdev_type="2"/>
               </object>
             </object>
           </object>)",
        number, set, index, index + 1, index + 2, index + 3, index + 4, 8 * number, index + 5, interface);
}

std::string two_packages() {
    return fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x3" complete_cpuset="0x3" allowed_cpuset="0x3" nodeset="0x3"
    complete_nodeset="0x3" allowed_nodeset="0x3" gp_index="1">{}{}</object>
</topology>
)",
                       package(0, "ib0"), package(1, "ib1"));
}

std::set<std::string> near(std::vector<unsigned> processors, const std::vector<std::string>& interfaces) {
    return interfaces_near(interfaces, processors, two_packages());
}

TEST(NicLocality, IsTheDevicesPlaceInTheMachine) {
    using Names = std::set<std::string>;
    EXPECT_EQ(near({0}, {"ib0", "ib1"}), Names{"ib0"});
    EXPECT_EQ(near({1}, {"ib0", "ib1"}), Names{"ib1"});
    EXPECT_EQ(near({0, 1}, {"ib0", "ib1"}), (Names{"ib0", "ib1"}));
    EXPECT_EQ(near({0}, {"ib1", "veth7"}), Names{"veth7"}) << "nobody knows where it is";
}

TEST(NicLocality, OfThisMachineIsRead) {
    EXPECT_EQ(interfaces_near_us({"lo"}), std::set<std::string>{"lo"});
}

}  // namespace
}  // namespace memfabric
