// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

namespace memfabric {

/// Those of the interfaces whose device is on a NUMA node that has one of these processors, by hwloc.
/// `topology` is a description of another machine as hwloc exports it (XML), for tests; empty: this machine.
/// An interface whose place is not known is near.
std::set<std::string> interfaces_near(const std::vector<std::string>& interfaces,
                                      std::span<const unsigned> processors, const std::string& topology = "");

/// Near the processors that this process may run on.
std::set<std::string> interfaces_near_us(const std::vector<std::string>& interfaces);

}  // namespace memfabric
