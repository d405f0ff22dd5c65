// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "tests/transport/loopback_listener.h"

namespace memfabric::transport::test {

/// Listens at 127.0.0.1 for connections to another address: the first ones are accepted, and nothing that
/// comes over them is ever answered; of the next ones both ends are joined.
class SwallowingRelay {
 public:
    /// `target` as libfabric tells addresses.
    SwallowingRelay(const std::string& target, size_t swallowed) : swallowed_(swallowed) {
        EXPECT_EQ(target.size(), sizeof target_);
        std::memcpy(&target_, target.data(), sizeof target_);
        own_.sin_family = AF_INET;
        own_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), bytes_of(own_), size_), 0);
        EXPECT_EQ(::listen(listener_.get(), 16), 0);
        EXPECT_EQ(::getsockname(listener_.get(), bytes_of(own_), &size_), 0);
        thread_ = std::jthread([this](const std::stop_token& stop) { relay_until(stop); });
    }

    std::string address() const { return {reinterpret_cast<const char*>(&own_), sizeof own_}; }

 private:
    static constexpr int kLookAgain = 10;  // milliseconds

    struct Joined {
        Fd from;
        Fd to;
    };

    static sockaddr* bytes_of(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

    void relay_until(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> waits{{listener_.get(), POLLIN, 0}};
            for (const Joined& joined : joined_) {
                waits.push_back({joined.from.get(), POLLIN, 0});
            }
            if (::poll(waits.data(), waits.size(), kLookAgain) <= 0) {
                continue;
            }
            for (size_t i = waits.size() - 1; i > 0; --i) {
                if (waits[i].revents != 0 && !pass_on(joined_[i - 1])) {
                    joined_.erase(joined_.begin() + static_cast<ptrdiff_t>(i - 1));
                }
            }
            if (waits[0].revents != 0) {
                accept();
            }
        }
    }

    void accept() {
        Fd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (kept_.size() < swallowed_) {
            kept_.push_back(std::move(caller));
            return;
        }
        Fd target = tcp_socket();
        EXPECT_EQ(::connect(target.get(), bytes_of(target_), sizeof target_), 0);
        joined_.push_back({Fd(::dup(caller.get())), Fd(::dup(target.get()))});
        joined_.push_back({std::move(target), std::move(caller)});
    }

    static bool pass_on(const Joined& joined) {
        std::array<char, 4096> bytes;
        const ssize_t size = ::read(joined.from.get(), bytes.data(), bytes.size());
        for (ssize_t done = 0; done < size;) {
            const ssize_t sent =
                ::send(joined.to.get(), bytes.data() + done, static_cast<size_t>(size - done), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            done += sent;
        }
        return size > 0;
    }

    const size_t swallowed_;
    Fd listener_ = tcp_socket();
    sockaddr_in own_{};
    sockaddr_in target_{};
    socklen_t size_ = sizeof own_;
    std::vector<Fd> kept_;
    std::vector<Joined> joined_;
    std::jthread thread_;
};

}  // namespace memfabric::transport::test
