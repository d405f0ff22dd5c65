// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/options.h"
#include "runtime/network_interfaces.h"
#include "runtime/nic_choice.h"
#include "transport/fabric/survey.h"

namespace memfabric {

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
    std::vector<transport::FabricNic> nics;  // that would be used, the best first
    bool address_given = false;
    std::vector<NetworkInterface> interfaces;
    std::vector<RdmaPort> rdma_ports;
};

MachineFabric inspect_fabric(const Options& options);

}  // namespace memfabric
