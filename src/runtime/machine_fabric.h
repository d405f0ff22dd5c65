// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/options.h"
#include "transport/fabric/survey.h"

namespace memfabric {

/// A network interface, as far as the fabric has to do with it.
struct NetworkInterface {
    std::string name;
    bool up = false;
    bool loopback = false;
    std::vector<std::string> addresses;  // without those of the link alone
    std::string details;                 // "MTU 1500, 10000 Mb/s, NUMA node 0, RDMA mlx5_0"
};

/// An adapter in /sys/class/infiniband, one entry a port.
struct RdmaPort {
    std::string name;  // "mlx5_0 port 1"
    bool active = false;
    std::string details;  // "4: ACTIVE, 100 Gb/sec (4X EDR), Ethernet, NUMA node 1"
};

/// How processes of other hosts are reached from this machine.
struct MachineFabric {
    transport::FabricSurvey survey;
    std::string local_address;  // that the choice is for; empty where nothing leads out of this host
    bool address_given = false;
    std::vector<NetworkInterface> interfaces;
    std::vector<RdmaPort> rdma_ports;
};

MachineFabric inspect_fabric(const Options& options);

/// The interface that has the address; empty where none has.
std::string interface_with(const std::string& address);

}  // namespace memfabric
