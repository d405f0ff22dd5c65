// SPDX-License-Identifier: Apache-2.0
#include "remote_shell.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "descriptor.h"

namespace mf {
namespace {

constexpr std::array<std::string_view, 6> kOwnOfHostOrRank = {
    "MF_HOST_ID", "MF_RUNTIME_DIR", "MF_RANK", "MF_WORLD_SIZE", "MF_LOCAL_RANK", "MF_STORE_URL"};
constexpr std::string_view kFabricAddress = "MF_FABRIC_ADDRESS";

bool is_address(std::string word) {
    word = word.substr(0, word.find('%'));  // an address's scope
    std::erase_if(word, [](char character) { return character == '[' || character == ']'; });
    in6_addr unused{};
    return ::inet_pton(AF_INET, word.c_str(), &unused) == 1 ||
           ::inet_pton(AF_INET6, word.c_str(), &unused) == 1;
}

/// Interfaces may have the same names on all hosts; addresses are of this one.
bool names_interfaces_alone(std::string_view list) {
    std::string text(list);
    std::replace(text.begin(), text.end(), ',', ' ');
    std::istringstream words(text);
    return std::none_of(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>(),
                        is_address);
}

void warn_of_addresses(std::string_view entry) {
    static bool is_told = false;  // once, whatever the number of hosts
    if (!is_told) {
        fmt::print(
            stderr,
            "mf: warning: {} names addresses of this host and is not passed on to the others, which choose "
            "themselves: name interfaces, or use --env {}\n",
            entry, entry);
    }
    is_told = true;
}

bool is_passed_on(std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    if (name == kFabricAddress) {
        const bool is_good_everywhere = names_interfaces_alone(entry.substr(name.size() + 1));
        if (!is_good_everywhere) {
            warn_of_addresses(entry);
        }
        return is_good_everywhere;
    }
    if (std::find(kOwnOfHostOrRank.begin(), kOwnOfHostOrRank.end(), name) != kOwnOfHostOrRank.end()) {
        return false;
    }
    return name.starts_with("MF_") || name.starts_with("SMEM_") || name.starts_with("SHMEM_") ||
           name == "LD_LIBRARY_PATH" || name == "PYTHONPATH";
}

/// For a POSIX shell.
std::string shell_word(std::string_view word) {
    std::string text = "'";
    for (const char character : word) {
        if (character == '\'') {
            text += "'\\''";
        } else {
            text += character;
        }
    }
    text += "'";
    return text;
}

/// `extra` as NAME asks for our value, if there is one; as NAME=VALUE it comes last and so counts.
std::vector<std::string> environment_of(const std::vector<std::string>& extra) {
    std::vector<std::string> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        const auto is_named = [&](const std::string& asked) {
            return std::string_view(asked).substr(0, asked.find('=')) == name;
        };
        const bool is_asked_for = std::find(extra.begin(), extra.end(), name) != extra.end();
        const bool is_replaced = !is_asked_for && std::any_of(extra.begin(), extra.end(), is_named);
        if (is_asked_for || (!is_replaced && is_passed_on(text))) {
            found.emplace_back(text);
        }
    }
    std::copy_if(extra.begin(), extra.end(), std::back_inserter(found),
                 [](const std::string& entry) { return entry.find('=') != std::string::npos; });
    return found;
}

std::string command_line(const HostCommand& command) {
    std::string line = fmt::format("cd {} && exec env", shell_word(std::filesystem::current_path().string()));
    for (const std::string& variable : environment_of(command.extra_environment)) {
        line.append(" ").append(shell_word(variable));
    }
    line.append(" ").append(shell_word(std::filesystem::read_symlink("/proc/self/exe").string()));
    for (const std::string& argument : command.arguments) {
        line.append(" ").append(shell_word(argument));
    }
    return line;
}

std::string printed(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET6) {
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr, text.data(),
                    text.size());
        return fmt::format("[{}]", text.data());
    }
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr, text.data(), text.size());
    return text.data();
}

}  // namespace

std::vector<std::string> command_on_host(const HostCommand& command) {
    if (command.host == "localhost") {
        return {"/bin/sh", "-c", command_line(command)};
    }
    std::istringstream words(command.shell);
    std::vector<std::string> result;
    for (std::string word; words >> word;) {
        result.push_back(word);
    }
    if (result.empty()) {
        throw std::runtime_error("--remote-shell is empty; the default is ssh");
    }
    result.push_back(command.host);
    result.push_back(command_line(command));
    return result;
}

std::string address_towards(const std::string& host) {
    const std::string name = host.substr(host.find('@') + 1);  // of user@host
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    constexpr const char* kRemedy = "; name our own address by --address";
    if (const int error = ::getaddrinfo(name.c_str(), "9", &hints, &list); error != 0) {
        throw std::runtime_error(
            fmt::format("host '{}' does not resolve: {}{}", name, ::gai_strerror(error), kRemedy));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    int error = 0;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        // Nothing is sent: connecting a datagram socket asks the routing table only.
        const Descriptor probe(::socket(entry->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_storage own{};
        socklen_t size = sizeof own;
        if (probe.is_open() && ::connect(probe.get(), entry->ai_addr, entry->ai_addrlen) == 0 &&
            ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0) {
            return printed(own);
        }
        error = errno;
    }
    throw std::runtime_error(fmt::format("nothing leads to host '{}': {}{}", name,
                                         std::generic_category().message(error), kRemedy));
}

}  // namespace mf
