// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/congestion_control.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "fabric_pair.h"
#include "loopback_listener.h"
#include "transport/fabric/own_sockets.h"
#include "transport/fabric/peer_sockets.h"

namespace memfabric::transport {
namespace {

using test::Bytes;
using test::connect_to;
using test::LoopbackListener;
using test::pattern;
using test::tcp_socket;

std::string name_at(const Fd& socket) {
    std::array<char, 16> name{};
    socklen_t size = name.size();
    EXPECT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), &size), 0);
    return name.data();
}

/// Which the host does not have by itself; every process may take it.
std::string another() {
    return name_at(tcp_socket()) == "reno" ? "cubic" : "reno";
}

CongestionControl chosen(const std::string& setting) {
    auto result = CongestionControl::choose(setting);
    EXPECT_TRUE(result.is_ok()) << result.status().message();
    return result.is_ok() ? std::move(result).value() : CongestionControl();
}

TEST(CongestionControl, IsTheHostsWhereAskedTo) {
    EXPECT_TRUE(chosen("host").is_hosts());
}

TEST(CongestionControl, AutoTakesAnotherOneOnlyWhereTheHostsPaces) {
    const std::string of_host = name_at(tcp_socket());
    const CongestionControl control = chosen("auto");
    if (of_host.starts_with("bbr")) {
        EXPECT_TRUE(control.name() == "cubic" || control.name() == "reno") << control.name();
    } else {
        EXPECT_TRUE(control.is_hosts()) << of_host << " became " << control.name();
    }
}

TEST(CongestionControl, OfNoSuchNameIsAnErrorThatSaysSo) {
    const auto result = CongestionControl::choose("none_such");
    ASSERT_EQ(result.status().code(), Code::kInvalidParam);
    EXPECT_NE(result.status().message().find("MF_FABRIC_CONGESTION"), std::string::npos);
    EXPECT_NE(result.status().message().find("'none_such'"), std::string::npos);
}

TEST(CongestionControl, IsThatOfConnectionsToTheAddress) {
    LoopbackListener ours;
    LoopbackListener other;
    chosen(another()).set_for_incoming(ours.address());
    ours.connect();
    other.connect();
    EXPECT_EQ(name_at(ours.accepted()), another());
    EXPECT_NE(name_at(other.accepted()), another());
    EXPECT_NE(name_at(ours.caller()), another());
}

/// Of the connections of this process that peers made to the address.
std::vector<std::string> names_at_connections_to(const std::string& own_address) {
    std::vector<std::string> names;
    for (const OwnSocket& socket : own_sockets()) {
        const Fd held = hold(socket);
        sockaddr_storage own{};
        sockaddr_storage other{};
        socklen_t own_size = sizeof own;
        socklen_t other_size = sizeof other;
        if (held.is_open() && ::getsockname(held.get(), reinterpret_cast<sockaddr*>(&own), &own_size) == 0 &&
            ::getpeername(held.get(), reinterpret_cast<sockaddr*>(&other), &other_size) == 0 &&
            own_address.starts_with(std::string_view(reinterpret_cast<const char*>(&own), own_size))) {
            names.push_back(name_at(held));
        }
    }
    return names;
}

TEST(CongestionControl, OfTheFabricIsTheOwnersAlsoAfterABreak) {
    FabricConfig config{.provider = "tcp;ofi_rxm", .nics = {{.address = "127.0.0.1"}}, .host_id = "here"};
    config.endpoints = 1;
    auto near = FabricTransport::start(config);
    config.congestion = another();
    auto far = FabricTransport::start(config);
    ASSERT_TRUE(far.is_ok() && near.is_ok());
    const auto peer = connect_to(*near.value(), far.value()->address());
    const std::string address = far.value()->address().endpoints().front();
    Bytes memory = pattern(size_t{1} << 20);
    auto exposed = far.value()->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes destination(memory.size());
    const FabricPiece piece{destination.data(), exposed->region(), 0, destination.size()};
    const auto get = [&] {
        return near.value()->get(*peer, {&piece, 1}, Deadline::after(std::chrono::seconds(20))).is_ok();
    };
    ASSERT_TRUE(get());
    EXPECT_EQ(destination, memory);
    EXPECT_EQ(names_at_connections_to(address), std::vector{another()});

    EXPECT_EQ(break_connections_to(address), 1);
    ASSERT_TRUE(get());
    EXPECT_EQ(names_at_connections_to(address), std::vector{another()});
}

TEST(CongestionControl, OfNoSuchNameKeepsTheFabricFromStarting) {
    const auto started = FabricTransport::start({.provider = "tcp;ofi_rxm",
                                                 .nics = {{.address = "127.0.0.1"}},
                                                 .host_id = "here",
                                                 .congestion = "none_such"});
    EXPECT_EQ(started.status().code(), Code::kInvalidParam);
}

}  // namespace
}  // namespace memfabric::transport
