// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace memfabric::transport {

/// How one of our interfaces leads to an address; more is better.
enum class RouteGrade {
    kNone,     // not at all
    kDetour,   // the kernel sends what has its address out of another interface
    kGateway,  // over a gateway, of which nobody knows whether it really leads there
    kDirect,   // both are on one network, or on this host
};

/// Asks the kernel; nothing is sent. `own` is the interface's address as text, `there` the bytes of a socket
/// address. kDirect where one is no address of IP, or the kernel does not tell.
RouteGrade grade_route(const std::string& own, std::string_view there);

}  // namespace memfabric::transport
