// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace memfabric {

/// A host (name, IPv4 or IPv6 address without brackets) and a port. The one parser of all addresses that
/// users write.
struct Endpoint {
    std::string host;
    uint16_t port = 0;

    /// "host:port", with brackets around an IPv6 address.
    std::string text() const;
    bool operator==(const Endpoint&) const = default;
};

/// Whether port 0 ("take any free one") is acceptable.
enum class PortRule { kFixed, kAnyAllowed };

/// Parses "host:port", "1.2.3.4:port" or "[ipv6]:port". The text says what is wrong with anything else.
Result<Endpoint> parse_endpoint(std::string_view text, PortRule rule = PortRule::kFixed);

/// Parses a store URL: "tcp://" endpoint; "tcp:://" is accepted too, since some of the documents print it,
/// and so is a
/// "/mask" behind an IPv4 address ("tcp://10.0.0.1/24:port"), which the existing implementation tolerates.
Result<Endpoint> parse_store_url(std::string_view url, PortRule rule = PortRule::kFixed);

/// 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(const Endpoint& endpoint);

}  // namespace memfabric
