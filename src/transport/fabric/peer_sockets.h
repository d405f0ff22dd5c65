// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace memfabric::transport {

/// Breaks every connection of this process whose other end is the socket address given as bytes: libfabric
/// has no call that ends one peer's connection. Returns how many there were.
int break_connections_to(std::string_view socket_address);

/// Has the kernel find out which connections of this process whose other end is that address are dead: those
/// that the peer's host does not know any more end a second after it is asked, those of a host that gives no
/// sign after five. The peer may have given a connection up while its link was cut; who has nothing to send
/// over it would never learn that.
void notice_dead_connections_with(std::string_view socket_address);

/// Breaks one connection. The engine sees its end and closes it; that resets it, so that the kernel sends
/// nothing of what it still has: an operation that was given up would else be carried out once a link is
/// back, over what has come after it. False where the descriptor is no connection.
bool break_off(int descriptor);

}  // namespace memfabric::transport
