// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace memfabric::transport {

/// How one of our interfaces leads to an address; more is better.
enum class RouteGrade {
    kNone,     // not at all
    kDetour,   // the kernel sends what has its address out of another interface
    kGateway,  // over a gateway, of which nobody knows whether it really leads there
    kDirect,   // both are on one network, or on this host
};

/// Asks the kernel; nothing is sent. Both are bytes of socket addresses, `own` that of one of our interfaces.
/// kDirect where one is no address of IP, or the kernel does not tell.
RouteGrade grade_route(std::string_view own, std::string_view there);

}  // namespace memfabric::transport
