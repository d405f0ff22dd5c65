// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

namespace memfabric::transport {

/// Breaks every connection that peers made to these socket addresses (bytes) of this process, and returns
/// when the provider has closed them: none of them writes or reads memory here any more. A message that the
/// provider had let in goes on over memory that is not registered any more, for as long as its connection
/// does. `progress` lets the engine work. Nothing happens for addresses that are not of IP: there the
/// provider's own end of a registration is the end.
void break_incoming_connections(std::span<const std::string> own_addresses,
                                const std::function<void()>& progress);

}  // namespace memfabric::transport
