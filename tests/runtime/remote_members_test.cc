// SPDX-License-Identifier: Apache-2.0
#include "runtime/remote_members.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/runtime/plain_remote_memory.h"
#include "tests/store/store_fixture.h"
#include "tests/store/tcp_proxy.h"

namespace memfabric {
namespace {

using store::test::soon;
using store::test::status_of;
using test::PlainNetwork;
using test::PlainPeer;
using test::PlainRemoteMemory;

/// One process of one host: its store client, its transport, its rank's memory.
struct Process {
    Process(const Endpoint& endpoint, std::shared_ptr<PlainNetwork> network, const std::string& host,
            uint32_t its_rank, const std::string& address = "here")
        : rank(its_rank),
          client(store::test::connect(endpoint, host, its_rank + 1)),
          transport(std::make_shared<PlainRemoteMemory>(std::move(network), address)),
          members(std::make_shared<RemoteMembers>(*client, transport, "bm/3", host, 4)) {}

    Status enter() { return members->enter(rank, memory, soon()); }
    std::shared_ptr<const RemoteMember> sees(uint32_t other) const { return (*members->table())[other]; }

    uint32_t rank;
    std::array<std::byte, 64> memory{};
    std::shared_ptr<store::Client> client;
    std::shared_ptr<PlainRemoteMemory> transport;
    std::shared_ptr<RemoteMembers> members;
};

class RemoteMembersTest : public testing::Test {
 protected:
    std::unique_ptr<Process> process(const std::string& host, uint32_t rank,
                                     const std::string& address = "here") {
        return std::make_unique<Process>(server_->endpoint(), network_, host, rank, address);
    }

    std::unique_ptr<store::Server> server_ = store::test::start_server();
    std::shared_ptr<PlainNetwork> network_ = std::make_shared<PlainNetwork>();
};

TEST_F(RemoteMembersTest, ThoseOfOtherHostsAreKnownToBothSidesAndThoseOfThisHostAreNot) {
    const auto first = process("host-a", 0);
    const auto neighbour = process("host-a", 1);
    const auto remote = process("host-b", 2);
    MF_EXPECT_OK(first->enter());
    EXPECT_FALSE(first->members->any());
    MF_EXPECT_OK(neighbour->enter());
    MF_EXPECT_OK(remote->enter());
    MF_EXPECT_OK(first->members->catch_up(soon()));
    EXPECT_TRUE(first->members->any());
    ASSERT_NE(first->sees(2), nullptr);
    EXPECT_EQ(first->sees(2)->host, "host-b");
    EXPECT_EQ(first->sees(2)->region.size, 64U);
    EXPECT_EQ(first->members->epoch(2), first->sees(2)->epoch);
    EXPECT_EQ(first->sees(1), nullptr);
    EXPECT_EQ(first->sees(0), nullptr);
    ASSERT_NE(remote->sees(0), nullptr);
    ASSERT_NE(remote->sees(1), nullptr);

    std::byte byte{42};
    const transport::FabricPiece piece{&byte, first->sees(2)->region, 63, 1};
    MF_EXPECT_OK(first->transport->put(*first->sees(2)->peer, {&piece, 1}, soon()));
    EXPECT_EQ(remote->memory[63], byte);
}

TEST_F(RemoteMembersTest, WhoLeavesIsGoneItsKeyIsRevokedAndARejoinHasAnother) {
    const auto first = process("host-a", 0);
    const auto remote = process("host-b", 1);
    MF_EXPECT_OK(first->enter());
    MF_EXPECT_OK(remote->enter());
    MF_EXPECT_OK(first->members->catch_up(soon()));
    const auto before = first->sees(1);
    ASSERT_NE(before, nullptr);
    MF_EXPECT_OK(remote->members->exit(soon()));
    EXPECT_FALSE(remote->members->any());
    MF_EXPECT_OK(first->members->catch_up(soon()));
    EXPECT_EQ(first->sees(1), nullptr);
    EXPECT_EQ(first->members->epoch(1), 0U);
    std::byte byte{};
    const transport::FabricPiece piece{&byte, before->region, 0, 1};
    MF_EXPECT_FAILURE(first->transport->get(*before->peer, {&piece, 1}, soon()), Code::kPeerLost,
                      "is not exposed");

    MF_EXPECT_OK(remote->enter());
    MF_EXPECT_OK(first->members->catch_up(soon()));
    ASSERT_NE(first->sees(1), nullptr);
    EXPECT_NE(first->sees(1)->region.key, before->region.key);
    EXPECT_GT(first->sees(1)->epoch, before->epoch);
    EXPECT_NE(remote->sees(0), nullptr);
}

TEST_F(RemoteMembersTest, AfterExitAnotherExitDoesNothing) {
    const auto only = process("host-a", 0);
    MF_EXPECT_OK(only->members->exit(soon()));
    MF_EXPECT_OK(only->enter());
    MF_EXPECT_OK(only->members->exit(soon()));
    MF_EXPECT_OK(only->members->exit(soon()));
}

TEST_F(RemoteMembersTest, AMemberThatCannotBeReachedIsKnownWithTheReason) {
    const auto first = process("host-a", 0);
    const auto remote = process("host-b", 1, "unreachable");
    MF_EXPECT_OK(first->enter());
    MF_EXPECT_OK(remote->enter());
    MF_EXPECT_OK(first->members->catch_up(soon()));
    ASSERT_NE(first->sees(1), nullptr);
    MF_EXPECT_FAILURE(first->sees(1)->problem, Code::kNotSupported,
                      "rank 1 of bm/3 on host 'host-b' speaks another provider");
}

TEST_F(RemoteMembersTest, OperationsOnWhomTheStoreGivesUpAreAbandonedWithTheReason) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kLostAfter, "20ms"));
    server_ = store::test::start_server(options);
    store::test::TcpProxy proxy(server_->endpoint());
    const auto first = process("host-a", 0);
    const Process remote(proxy.endpoint(), network_, "host-b", 1);
    MF_EXPECT_OK(first->enter());
    MF_EXPECT_OK(remote.members->enter(1, std::span(first->memory), soon()));
    MF_EXPECT_OK(first->members->catch_up(soon()));
    const auto known = first->sees(1);
    ASSERT_NE(known, nullptr);
    const auto peer = std::static_pointer_cast<PlainPeer>(known->peer);
    EXPECT_TRUE(peer->abandoned().is_ok());
    proxy.close_door(true);
    proxy.cut();
    ASSERT_TRUE(peer->wait_abandoned());
    MF_EXPECT_FAILURE(peer->abandoned(), Code::kPeerLost, "rank 1 of bm/3 on host 'host-b' is lost");
    EXPECT_EQ(first->sees(1), nullptr);
    EXPECT_FALSE(first->members->any());
}

TEST_F(RemoteMembersTest, WhatMakesNoSenseIsTheMembersProblem) {
    const auto first = process("host-a", 0);
    MF_EXPECT_OK(first->enter());
    const auto stranger = store::test::connect(server_->endpoint(), "host-b", 9);
    MF_EXPECT_OK(stranger->join(
        {"bm/3/remote", 1, 4, "nonsense"}, [](const store::MemberEvent&) {}, soon()));
    MF_EXPECT_OK(first->members->catch_up(soon()));
    ASSERT_NE(first->sees(1), nullptr);
    EXPECT_FALSE(first->sees(1)->problem.is_ok());
    MF_EXPECT_FAILURE(first->sees(1)->problem, first->sees(1)->problem.code(), "makes no sense");
}

}  // namespace
}  // namespace memfabric
