// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace memfabric {

/// Connects to the socket address (its bytes) to find out why a peer there does not answer: a sentence with
/// what the network said and what that mostly means. Empty where the bytes are no socket address.
std::string tcp_verdict(std::string_view socket_address, std::chrono::milliseconds patience);

}  // namespace memfabric
