// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace memfabric {

/// A network interface, as far as the fabric has to do with it.
struct NetworkInterface {
    std::string name{};
    bool up = false;
    bool loopback = false;
    bool made_here = false;  // a bridge, tunnel or their like: leads to processes of this host, or
                             // through another interface
    std::vector<std::string> addresses{};  // without those of the link alone
    uint64_t speed = 0;                    // Mb/s; 0: not known
    std::string details{};                 // "MTU 1500, 10000 Mb/s, NUMA node 0, RDMA mlx5_0"
};

std::vector<NetworkInterface> find_interfaces();

/// The interface that has the address; empty where none has.
std::string interface_with(const std::string& address);

}  // namespace memfabric
