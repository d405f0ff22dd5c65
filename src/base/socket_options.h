// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace memfabric {

// For tuning: where the system does not know an option, the socket works all the same, so nothing is said.

/// Sets an option whose value is an int.
void set_socket_option(int socket, int level, int name, int value);

/// Has the kernel ask the other end of a TCP connection that was idle for `period`, and again after each
/// `period` without an answer, for as often as the system does or TCP_KEEPCNT says. Connections that a
/// listening socket accepts inherit it.
void keep_asking(int socket, std::chrono::seconds period);

}  // namespace memfabric
