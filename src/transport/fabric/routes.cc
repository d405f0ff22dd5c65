// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/routes.h"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/fd.h"

namespace memfabric::transport {
namespace {

/// An address of IP without its port.
struct Host {
    sa_family_t family = AF_UNSPEC;
    size_t size = 0;
    std::array<char, sizeof(in6_addr)> bytes{};

    bool operator==(const Host&) const = default;
};

Host host_of(std::string_view socket_address) {
    sockaddr_storage storage{};
    if (socket_address.size() > sizeof storage) {
        return {};
    }
    std::memcpy(&storage, socket_address.data(), socket_address.size());
    Host host;
    if (storage.ss_family == AF_INET && socket_address.size() >= sizeof(sockaddr_in)) {
        host = {AF_INET, sizeof(in_addr), {}};
        std::memcpy(host.bytes.data(), &reinterpret_cast<sockaddr_in&>(storage).sin_addr, host.size);
    } else if (storage.ss_family == AF_INET6 && socket_address.size() >= sizeof(sockaddr_in6)) {
        host = {AF_INET6, sizeof(in6_addr), {}};
        std::memcpy(host.bytes.data(), &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr, host.size);
    }
    return host;
}

/// 0 where no interface has it by name: all of 127.0.0.0/8 is on lo.
unsigned interface_with(const Host& host) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return 0;
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, &::freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != host.family) {
            continue;
        }
        const size_t size = host.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        if (host_of({reinterpret_cast<const char*>(entry->ifa_addr), size}) == host) {
            return ::if_nametoindex(entry->ifa_name);
        }
    }
    return 0;
}

struct Question {
    nlmsghdr header{};
    rtmsg route{};
    std::array<char, 128> attributes{};

    void add(unsigned short type, const Host& host) {
        auto* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&header) + header.nlmsg_len);
        attribute->rta_type = type;
        attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(host.size));
        std::memcpy(RTA_DATA(attribute), host.bytes.data(), host.size);
        header.nlmsg_len += RTA_ALIGN(attribute->rta_len);
    }
};

struct Route {
    int error = 0;  // positive errno where there is none
    unsigned interface = 0;
    bool has_gateway = false;
    bool ends_here = false;
};

Route read_route(const nlmsghdr& header) {
    Route route;
    if (header.nlmsg_type == NLMSG_ERROR) {
        route.error = -static_cast<const nlmsgerr*>(NLMSG_DATA(&header))->error;
        return route;
    }
    const auto* message = static_cast<const rtmsg*>(NLMSG_DATA(&header));
    route.ends_here = message->rtm_type == RTN_LOCAL;
    if (!route.ends_here && message->rtm_type != RTN_UNICAST) {
        route.error = ENETUNREACH;  // blackhole, prohibit and their like
    }
    auto left = static_cast<int>(RTM_PAYLOAD(&header));
    for (const rtattr* attribute = RTM_RTA(message); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == RTA_OIF) {
            std::memcpy(&route.interface, RTA_DATA(attribute), sizeof(int));
        }
        route.has_gateway = route.has_gateway || attribute->rta_type == RTA_GATEWAY;
        route.has_gateway = route.has_gateway || attribute->rta_type == RTA_VIA;
    }
    return route;
}

/// Nothing where the kernel does not answer at all.
std::optional<Route> ask_kernel(const Host& from, const Host& to) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    Question question;
    question.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg));
    question.header.nlmsg_type = RTM_GETROUTE;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.route.rtm_family = static_cast<unsigned char>(to.family);
    question.route.rtm_dst_len = static_cast<unsigned char>(8 * to.size);
    question.route.rtm_src_len = static_cast<unsigned char>(8 * from.size);
    question.add(RTA_DST, to);
    question.add(RTA_SRC, from);
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    if (!socket.is_open() || ::send(socket.get(), &question, question.header.nlmsg_len, 0) < 0) {
        return std::nullopt;
    }
    const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), 0);
    const auto& header = reinterpret_cast<const nlmsghdr&>(answer);
    if (size <= 0 || !NLMSG_OK(&header, static_cast<size_t>(size))) {
        return std::nullopt;
    }
    return read_route(header);
}

}  // namespace

RouteGrade grade_route(std::string_view own, std::string_view there) {
    const Host from = host_of(own);
    const Host to = host_of(there);
    if (from.size == 0 || to.size == 0) {
        return RouteGrade::kDirect;
    }
    if (from.family != to.family) {
        return RouteGrade::kNone;
    }
    const std::optional<Route> route = ask_kernel(from, to);
    if (!route) {
        return RouteGrade::kDirect;
    }
    if (route->error != 0) {
        return RouteGrade::kNone;
    }
    const unsigned interface = interface_with(from);
    if (!route->ends_here && interface != 0 && interface != route->interface) {
        return RouteGrade::kDetour;
    }
    return route->has_gateway ? RouteGrade::kGateway : RouteGrade::kDirect;
}

}  // namespace memfabric::transport
