// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace memfabric {
namespace {

constexpr size_t kMaxHostLength = 253;  // RFC 1035, 2.3.4, without the root's dot

bool parses_as(int family, const std::string& host) {
    in6_addr storage{};
    return ::inet_pton(family, host.c_str(), &storage) == 1;
}

bool looks_like_ipv4(std::string_view host) {
    return std::all_of(host.begin(), host.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
}

bool is_host_name(std::string_view host) {
    if (host.front() == '-' || host.front() == '.' || host.back() == '-') {
        return false;
    }
    const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
    });
    return plain && host.find("..") == std::string_view::npos;
}

Result<uint16_t> parse_port(std::string_view text, std::string_view whole, PortRule rule) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const unsigned lowest = rule == PortRule::kAnyAllowed ? 0 : 1;
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > 65535 ||
        value < lowest) {
        return failure(Code::kInvalidParam, "address '{}': port '{}' is not a number from {} to 65535", whole,
                       text, lowest);
    }
    return static_cast<uint16_t>(value);
}

Result<Endpoint> parse_bracketed(std::string_view text, PortRule rule) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 >= text.size() || text[close + 1] != ':') {
        return failure(Code::kInvalidParam, "address '{}': an IPv6 address is written [address]:port", text);
    }
    Endpoint endpoint;
    endpoint.host = std::string(text.substr(1, close - 1));
    // A zone ("fe80::1%eth0") is left for the resolver to check.
    const std::string address = endpoint.host.substr(0, endpoint.host.find('%'));
    if (endpoint.host.find('\0') != std::string::npos || !parses_as(AF_INET6, address)) {
        return failure(Code::kInvalidParam, "address '{}': '{}' is not an IPv6 address", text, endpoint.host);
    }
    MF_ASSIGN_OR_RETURN(endpoint.port, parse_port(text.substr(close + 2), text, rule));
    return endpoint;
}

}  // namespace

std::string Endpoint::text() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view text, PortRule rule) {
    if (text.empty()) {
        return failure(Code::kInvalidParam,
                       "the address is empty: write host:port, 1.2.3.4:port or [ipv6]:port");
    }
    if (text.front() == '[') {
        return parse_bracketed(text, rule);
    }
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return failure(Code::kInvalidParam, "address '{}' has no port: write host:port", text);
    }
    Endpoint endpoint;
    endpoint.host = std::string(text.substr(0, colon));
    if (endpoint.host.empty() || endpoint.host.size() > kMaxHostLength) {
        return failure(Code::kInvalidParam,
                       "address '{}': the host name has {} characters, 1 to {} are possible", text,
                       endpoint.host.size(), kMaxHostLength);
    }
    if (endpoint.host.find(':') != std::string::npos) {
        return failure(Code::kInvalidParam, "address '{}': an IPv6 address is written [address]:port", text);
    }
    if (looks_like_ipv4(endpoint.host) ? !parses_as(AF_INET, endpoint.host) : !is_host_name(endpoint.host)) {
        return failure(Code::kInvalidParam, "address '{}': '{}' is neither a host name nor an IPv4 address",
                       text, endpoint.host);
    }
    MF_ASSIGN_OR_RETURN(endpoint.port, parse_port(text.substr(colon + 1), text, rule));
    return endpoint;
}

Result<Endpoint> parse_store_url(std::string_view url, PortRule rule) {
    std::string_view rest = url;
    if (rest.starts_with("tcp:://")) {
        rest.remove_prefix(7);
    } else if (rest.starts_with("tcp://")) {
        rest.remove_prefix(6);
    } else {
        return failure(Code::kInvalidParam,
                       "store URL '{}' does not begin with tcp://: write tcp://host:port", url);
    }
    std::string plain(rest);
    const size_t slash = plain.find('/');
    const size_t colon = plain.rfind(':');
    if (slash != std::string::npos && colon != std::string::npos && slash < colon &&
        looks_like_ipv4(plain.substr(0, slash)) && slash != 0) {
        plain.erase(slash, colon - slash);
    }
    Result<Endpoint> endpoint = parse_endpoint(plain, rule);
    return endpoint.is_ok() ? std::move(endpoint)
                            : endpoint.status().with_context(fmt::format("store URL '{}'", url));
}

bool is_loopback(const Endpoint& endpoint) {
    in_addr v4{};
    if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    in6_addr v6{};
    if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
    }
    return endpoint.host == "localhost";
}

}  // namespace memfabric
