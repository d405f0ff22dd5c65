// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "base/fd.h"

namespace memfabric::transport::test {

inline Fd tcp_socket() {
    return Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/// Listens at 127.0.0.1, and makes one connection to itself.
class LoopbackListener {
 public:
    LoopbackListener() {
        own_.sin_family = AF_INET;
        own_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), bytes(), size_), 0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        EXPECT_EQ(::getsockname(listener_.get(), bytes(), &size_), 0);
    }

    void connect() {
        EXPECT_EQ(::connect(caller_.get(), bytes(), size_), 0);
        accepted_ = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    /// The bytes of a sockaddr, as libfabric tells addresses.
    std::string address() { return {reinterpret_cast<const char*>(&own_), size_}; }
    const Fd& caller() const { return caller_; }
    const Fd& accepted() const { return accepted_; }

 private:
    sockaddr* bytes() { return reinterpret_cast<sockaddr*>(&own_); }

    Fd listener_ = tcp_socket();
    Fd caller_ = tcp_socket();
    Fd accepted_;
    sockaddr_in own_{};
    socklen_t size_ = sizeof own_;
};

}  // namespace memfabric::transport::test
