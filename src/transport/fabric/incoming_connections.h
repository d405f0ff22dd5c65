// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "transport/fabric/socket_endpoint.h"

namespace memfabric::transport {

/// Breaks every connection that peers made to these socket addresses (bytes) of this process, and returns
/// when the provider has closed them: none of them writes or reads memory here any more. A message that the
/// provider had let in goes on over memory that is not registered any more, for as long as its connection
/// does. `progress` lets the engine work. Nothing happens for addresses that are not of IP: there the
/// provider's own end of a registration is the end.
void break_incoming_connections(std::span<const std::string> own_addresses,
                                const std::function<void()>& progress);

/// Whether a peer made this connection to one of these.
bool is_connected_at(int descriptor, std::span<const SocketEndpoint> own);

/// Calls `use` with each socket of this process that listens at this socket address (bytes).
void for_listeners_at(std::string_view own_address, const std::function<void(int descriptor)>& use);

/// Has the kernel find out which of the connections that peers will make to this socket address (bytes) of
/// this process are dead: a second after the peer's host is reached again and does not know them, or when
/// there was no sign of it for 5 s. To be called when the address is listened at. The provider would keep
/// them for ever, and refuse new ones of the same peer for so long.
void notice_dead_connections_to(std::string_view own_address);
/// The same for those that are accepted from a listening socket.
void notice_dead_connections_of(int listener);

}  // namespace memfabric::transport
