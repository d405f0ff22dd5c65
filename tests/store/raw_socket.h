// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "store/sockets.h"
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {

/// A blocking socket without any protocol.
class RawSocket {
 public:
    explicit RawSocket(const Endpoint& endpoint) {
        const SocketAddress address = resolve(endpoint, soon()).value().front();
        socket_ = Fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(socket_.get(), address.get(), address.length), 0);
    }
    void send(std::string_view bytes) {
        EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// Everything until the other side closes.
    std::string receive_all() {
        std::string all;
        char bytes[4096];
        for (ssize_t got = 0; (got = ::recv(socket_.get(), bytes, sizeof bytes, 0)) > 0;) {
            all.append(bytes, static_cast<size_t>(got));
        }
        return all;
    }

    /// The next bytes, fewer where the other side closes.
    std::string receive(size_t size) {
        std::string bytes(size, '\0');
        const ssize_t got = ::recv(socket_.get(), bytes.data(), size, MSG_WAITALL);
        bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
        return bytes;
    }
    int descriptor() const { return socket_.get(); }

 private:
    Fd socket_;
};

}  // namespace memfabric::store::test
