// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "transport/fabric/fabric_transport.h"

namespace memfabric::transport::test {

using Bytes = std::vector<std::byte>;

inline std::unique_ptr<FabricTransport> start_here(bool finds_sockets = true) {
    FabricConfig config{.provider = "tcp;ofi_rxm", .nics = {{.address = "127.0.0.1"}}, .host_id = "here"};
    config.finds_sockets = finds_sockets;
    auto started = FabricTransport::start(config);
    EXPECT_TRUE(started.is_ok()) << started.status().message();
    return std::move(started).value();
}

inline std::shared_ptr<FabricPeer> connect_to(FabricTransport& transport, const FabricAddress& address) {
    auto peer = transport.connect(address, "rank 1 on host there");
    EXPECT_TRUE(peer.is_ok()) << peer.status().message();
    return std::move(peer).value();
}

inline Bytes pattern(size_t size, unsigned seed = 1) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(i * 131 + i / 4096 + seed);
    }
    return bytes;
}

/// Whether it held by the end of that time.
inline bool wait_until(const std::function<bool()>& holds,
                       std::chrono::seconds limit = std::chrono::seconds(10)) {
    const Deadline deadline = Deadline::after(limit);
    while (!holds() && !deadline.expired()) {
        std::this_thread::yield();
    }
    return holds();
}

/// Puts the bytes at an offset of the region, whose memory is that of this process, and gets them back.
inline void check_round_trip(FabricTransport& near, FabricPeer& peer, const RemoteRegion& region,
                             std::span<const std::byte> memory, size_t offset, Bytes sent,
                             std::chrono::seconds limit) {
    SCOPED_TRACE(sent.size());
    const FabricPiece out{sent.data(), region, offset, sent.size()};
    const Status put = near.put(peer, {&out, 1}, Deadline::after(limit));
    ASSERT_TRUE(put.is_ok()) << put.message();
    EXPECT_TRUE(std::ranges::equal(sent, memory.subspan(offset, sent.size())));
    Bytes received(sent.size());
    const FabricPiece in{received.data(), region, offset, received.size()};
    const Status get = near.get(peer, {&in, 1}, Deadline::after(limit));
    ASSERT_TRUE(get.is_ok()) << get.message();
    EXPECT_TRUE(received == sent);
}

/// Two transports of this process that know each other: `near` reaches memory of `far`.
class FabricPair : public ::testing::Test {
 protected:
    void SetUp() override {
        far_ = start_here();
        near_ = start_here();
        peer_ = connect_to(*near_, far_->address());
    }
    std::unique_ptr<FabricTransport> far_;
    std::unique_ptr<FabricTransport> near_;
    std::shared_ptr<FabricPeer> peer_;
};

}  // namespace memfabric::transport::test
