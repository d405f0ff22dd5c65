// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace memfabric::transport {

/// Breaks every connection of this process whose other end is the socket address given as bytes: libfabric
/// has no call that ends one peer's connection. Returns how many there were.
int break_connections_to(std::string_view socket_address);

}  // namespace memfabric::transport
