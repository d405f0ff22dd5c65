// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/congestion_control.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "transport/fabric/incoming_connections.h"

namespace memfabric::transport {
namespace {

constexpr size_t kLongestName = 16;  // TCP_CA_NAME_MAX
// In place of one that paces: Linux's own choice, and the one that every process may take.
constexpr std::array<const char*, 2> kUnpaced = {"cubic", "reno"};

Fd open_socket() {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return socket.is_open() ? std::move(socket) : Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

std::string name_at(int descriptor) {
    std::array<char, kLongestName> name{};
    socklen_t size = name.size();
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) != 0) {
        return "";
    }
    return {name.data(), ::strnlen(name.data(), size)};
}

bool set_at(int descriptor, const std::string& name) {
    return ::setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                        static_cast<socklen_t>(name.size())) == 0;
}

}  // namespace

Result<CongestionControl> CongestionControl::choose(const std::string& setting) {
    const Fd socket = setting == "host" ? Fd() : open_socket();
    if (!socket.is_open()) {
        return CongestionControl();
    }
    if (setting != "auto") {
        if (!set_at(socket.get(), setting)) {
            return failure(Code::kInvalidParam,
                           "MF_FABRIC_CONGESTION: the kernel gives this process no congestion control '{}' "
                           "({}); /proc/sys/net/ipv4/tcp_allowed_congestion_control names those that it does",
                           setting, errno_text(errno));
        }
        return CongestionControl(setting);
    }
    const std::string of_host = name_at(socket.get());
    if (of_host.starts_with("bbr")) {
        for (const char* name : kUnpaced) {
            if (set_at(socket.get(), name)) {
                log_info(
                    "fabric: connections have congestion control {} in place of this host's {} "
                    "(MF_FABRIC_CONGESTION)",
                    name, of_host);
                return CongestionControl(name);
            }
        }
    }
    return CongestionControl();
}

void CongestionControl::set_for_incoming(std::string_view own_address) const {
    if (!is_hosts()) {
        // Accepted sockets inherit it.
        for_listeners_at(own_address, [this](int descriptor) { set_at(descriptor, name_); });
    }
}

}  // namespace memfabric::transport
