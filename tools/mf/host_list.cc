// SPDX-License-Identifier: Apache-2.0
#include "host_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace mf {
namespace {

constexpr uint32_t kMaxRanksOfHost = 1024;

uint32_t parse_ranks(std::string_view digits, std::string_view whole) {
    uint32_t ranks = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ranks);
    if (error != std::errc() || end != digits.data() + digits.size() || ranks == 0 ||
        ranks > kMaxRanksOfHost) {
        throw std::runtime_error(fmt::format("host '{}': '{}' is no number of ranks from 1 to {}", whole,
                                             digits, kMaxRanksOfHost));
    }
    return ranks;
}

/// The name becomes an argument of the remote shell: one that began with '-' would be taken for an option.
HostSlots checked(std::string_view host, uint32_t ranks, std::string_view whole) {
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    const std::string_view name = bracketed ? host.substr(1, host.size() - 2) : host;
    const bool readable =
        !name.empty() && name.front() != '-' &&
        std::all_of(name.begin(), name.end(), [](unsigned char character) {
            return std::isalnum(character) != 0 ||
                   std::string_view(".:_-@%").find(static_cast<char>(character)) != std::string_view::npos;
        });
    if (!readable) {
        throw std::runtime_error(fmt::format("'{}' is no host, or host:ranks", whole));
    }
    return {std::string(name), ranks};
}

HostSlots parse_host(std::string_view text) {
    const size_t bracket = text.rfind(']');
    const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == std::string_view::npos) {
        return checked(text, 1, text);
    }
    if (bracket == std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
        throw std::runtime_error(
            fmt::format("host '{}': put brackets round an IPv6 address, as in [fd00::1]:2", text));
    }
    return checked(text.substr(0, colon), parse_ranks(text.substr(colon + 1), text), text);
}

}  // namespace

std::vector<HostSlots> parse_host_list(std::string_view text) {
    std::vector<HostSlots> hosts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        hosts.push_back(parse_host(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return hosts;
}

std::vector<HostSlots> read_host_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error(
            fmt::format("host file '{}' cannot be read: {}", path, std::generic_category().message(errno)));
    }
    std::vector<HostSlots> hosts;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        std::istringstream words(line.substr(0, line.find('#')));
        std::string host;
        std::string slots;
        std::string more;
        if (!(words >> host)) {
            continue;
        }
        try {
            hosts.push_back(parse_host(host));
            if (words >> slots) {
                constexpr std::string_view kSlots = "slots=";
                const std::string_view text(slots);
                hosts.back().ranks =
                    parse_ranks(text.substr(text.starts_with(kSlots) ? kSlots.size() : 0), host);
            }
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(fmt::format("{}:{}: {}", path, number, error.what()));
        }
        if (words >> more) {
            throw std::runtime_error(fmt::format("{}:{}: what does '{}' mean there?", path, number, more));
        }
    }
    if (hosts.empty()) {
        throw std::runtime_error(fmt::format("host file '{}' names no host", path));
    }
    return hosts;
}

std::vector<HostSlots> take_ranks(std::vector<HostSlots> hosts, uint32_t ranks) {
    if (ranks == 0) {
        return hosts;
    }
    uint32_t left = ranks;
    for (HostSlots& host : hosts) {
        host.ranks = std::min(host.ranks, left);
        left -= host.ranks;
    }
    if (left > 0) {
        throw std::runtime_error(
            fmt::format("{} ranks are asked for, and the hosts take {}", ranks, ranks - left));
    }
    std::erase_if(hosts, [](const HostSlots& host) { return host.ranks == 0; });
    return hosts;
}

}  // namespace mf
