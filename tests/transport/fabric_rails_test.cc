// SPDX-License-Identifier: Apache-2.0
// Processes with two interfaces: two addresses of loopback stand for them.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "tests/transport/fabric_pair.h"
#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/survey.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr size_t kSize = size_t{8} << 20;

std::unique_ptr<FabricTransport> start_at(std::vector<FabricNic> nics, size_t endpoints = 2) {
    FabricConfig config{.provider = "tcp;ofi_rxm", .nics = std::move(nics), .host_id = "here"};
    config.endpoints = endpoints;
    auto started = FabricTransport::start(config);
    EXPECT_TRUE(started.is_ok()) << started.status().message();
    return std::move(started).value();
}

const FabricNic kFirst{.address = "127.0.0.1", .interface = "first"};
const FabricNic kSecond{.address = "127.0.0.2", .interface = "second"};
const FabricNic kStandby{.address = "127.0.0.2", .interface = "second", .standby = true};

/// `near` puts and gets kSize bytes of `far`, adds to a word of them and pings.
void expect_all_works(FabricTransport& near, FabricTransport& far) {
    Bytes memory(kSize);
    const auto exposed = far.expose(memory);
    ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
    const auto peer = connect_to(near, far.address());
    Bytes sent = pattern(kSize);
    const FabricPiece out{sent.data(), exposed->region(), 0, kSize};
    const Status put = near.put(*peer, {&out, 1}, Deadline::after(20s));
    EXPECT_TRUE(put.is_ok()) << put.message();
    EXPECT_EQ(memory, sent);
    Bytes got(kSize);
    const FabricPiece in{got.data(), exposed->region(), 0, kSize};
    const Status get = near.get(*peer, {&in, 1}, Deadline::after(20s));
    EXPECT_TRUE(get.is_ok()) << get.message();
    EXPECT_EQ(got, sent);
    EXPECT_TRUE(near.ping(*peer, Deadline::after(20s)).is_ok());
    const auto before =
        near.atomic(*peer, {exposed->region(), 0, 8, AtomicKind::kSwap, 7, 0}, Deadline::after(20s));
    EXPECT_TRUE(before.is_ok()) << before.status().message();
}

TEST(FabricRails, EachHasItsPort) {
    const auto both = start_at({kFirst, kSecond}, 3);
    const FabricAddress& address = both->address();
    ASSERT_EQ(address.ports.size(), 2U);
    EXPECT_EQ(address.endpoints().size(), 6U);
    for (const FabricPort& port : address.ports) {
        const std::string host = &port == &address.ports.front() ? "127.0.0.1:" : "127.0.0.2:";
        EXPECT_EQ(port.endpoints.size(), 3U);
        for (const std::string& bytes : {port.endpoints.front(), port.messages, port.door}) {
            EXPECT_TRUE(socket_address_text(bytes).starts_with(host)) << socket_address_text(bytes);
        }
    }
}

TEST(FabricRails, OneSideMayHaveMoreThanTheOther) {
    const auto both = start_at({kFirst, kSecond});
    const auto one = start_at({kFirst});
    expect_all_works(*both, *one);
    expect_all_works(*one, *both);
    expect_all_works(*both, *start_at({kSecond, kFirst}, 1));
}

TEST(FabricRails, AllLanesLeadToAPeerOverAll) {
    const auto near = start_at({kFirst, kSecond});
    const auto far = start_at({kFirst, kSecond});
    const auto peer = connect_to(*near, far->address());
    EXPECT_EQ(peer->lanes(), 0b1111U);
    EXPECT_TRUE(socket_address_text(peer->way(0).address).starts_with("127.0.0.1:"));
    EXPECT_TRUE(socket_address_text(peer->way(1).address).starts_with("127.0.0.2:"));
    EXPECT_NE(peer->way(0).address, peer->way(2).address) << "lanes of a rail have endpoints of their own";
    EXPECT_EQ(peer->lane_of(6), 2U) << "threads have lanes in turn";
}

TEST(FabricRails, StandbyIsNotUsedBesideOthers) {
    const auto near = start_at({kFirst, kStandby});
    const auto far = start_at({kFirst, kSecond});
    const auto peer = connect_to(*near, far->address());
    EXPECT_EQ(peer->lanes(), 0b0101U);
    EXPECT_EQ(peer->lane_of(1), 2U);
    expect_all_works(*near, *far);
}

TEST(FabricRails, AnInterfaceThatMustBeThereIsNamed) {
    const FabricNic nowhere{.address = "203.0.113.77", .interface = "third"};
    const auto failed = FabricTransport::start({"tcp;ofi_rxm", {kFirst, nowhere}, "here"});
    ASSERT_FALSE(failed.is_ok());
    EXPECT_NE(failed.status().message().find("203.0.113.77"), std::string::npos) << failed.status().message();
}

}  // namespace
}  // namespace memfabric::transport
