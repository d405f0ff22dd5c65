// SPDX-License-Identifier: Apache-2.0
#include "runtime/tcp_verdict.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string_view>

#include "base/fd.h"

namespace memfabric {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};

/// A socket bound to a free port of loopback, and its address.
struct Bound {
    Bound() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket.get(), generic, size), 0);
        EXPECT_EQ(::getsockname(socket.get(), generic, &size), 0);
    }
    std::string_view bytes() const { return {reinterpret_cast<const char*>(&address), sizeof address}; }
    std::string text() const { return "127.0.0.1:" + std::to_string(ntohs(address.sin_port)); }

    Fd socket;
    sockaddr_in address{};
};

TEST(TcpVerdict, APortThatNobodyListensOn) {
    const Bound bound;
    const std::string verdict = tcp_verdict(bound.bytes(), kPatience);
    EXPECT_EQ(verdict.find("TCP to " + bound.text() + ": "), 0U) << verdict;
    EXPECT_NE(verdict.find("Connection refused"), std::string::npos) << verdict;
    EXPECT_NE(verdict.find("nobody listens"), std::string::npos) << verdict;
}

TEST(TcpVerdict, APortThatAccepts) {
    const Bound bound;
    ASSERT_EQ(::listen(bound.socket.get(), 1), 0);
    const std::string verdict = tcp_verdict(bound.bytes(), kPatience);
    EXPECT_NE(verdict.find("TCP to " + bound.text() + ": connected"), std::string::npos) << verdict;
}

TEST(TcpVerdict, WhatIsNoSocketAddressHasNone) {
    EXPECT_EQ(tcp_verdict("", kPatience), "");
    EXPECT_EQ(tcp_verdict("nonsense", kPatience), "");
    EXPECT_EQ(tcp_verdict(std::string(200, '\x02'), kPatience), "");
}

}  // namespace
}  // namespace memfabric
