// SPDX-License-Identifier: Apache-2.0
// Providers of RDMA devices draw the keys of memory themselves, and take addresses of its owner instead of
// offsets. `tcp;ofi_rxm` is made to do so.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using namespace test;

struct Mode {
    bool draws_keys;
    bool has_addresses;
};

class MemoryMode : public ::testing::TestWithParam<Mode> {
 protected:
    static std::unique_ptr<FabricTransport> start() {
        auto started = FabricTransport::start({.provider = "tcp;ofi_rxm",
                                               .nics = {{.address = "127.0.0.1"}, {.address = "127.0.0.2"}},
                                               .host_id = "here",
                                               .draw_keys = GetParam().draws_keys,
                                               .virtual_addresses = GetParam().has_addresses});
        EXPECT_TRUE(started.is_ok()) << started.status().message();
        return std::move(started).value();
    }
    std::unique_ptr<FabricTransport> far_ = start();
    std::unique_ptr<FabricTransport> near_ = start();
    std::shared_ptr<FabricPeer> peer_ = connect_to(*near_, far_->address());
    Bytes memory_ = Bytes(size_t{4} << 20);
    std::span<std::byte> middle_ = std::span(memory_).subspan(4096, memory_.size() - 8192);
};

TEST_P(MemoryMode, WhatIsPutOverAllLanesIsThereAndComesBack) {
    const auto exposed = far_->expose(middle_);
    ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
    EXPECT_EQ(far_->address().ports.size(), GetParam().draws_keys ? 1U : 2U);
    EXPECT_EQ(exposed->region().base,
              GetParam().has_addresses ? reinterpret_cast<uint64_t>(middle_.data()) : 0U);
    for (const size_t size : {size_t{8}, middle_.size() - 5}) {
        ASSERT_NO_FATAL_FAILURE(
            check_round_trip(*near_, *peer_, exposed->region(), middle_, 5, pattern(size), 20s));
    }
    EXPECT_EQ(std::count(memory_.begin(), memory_.begin() + 4101, std::byte{0}), 4101) << "before it";
    EXPECT_EQ(std::count(memory_.end() - 4096, memory_.end(), std::byte{0}), 4096) << "behind it";
}

TEST_P(MemoryMode, AtomicsAndPostsFindTheirWords) {
    const auto exposed = far_->expose(middle_);
    ASSERT_TRUE(exposed.is_ok());
    const auto before =
        near_->atomic(*peer_, {exposed->region(), 64, 8, AtomicKind::kSwap, 7, 0}, Deadline::after(20s));
    ASSERT_TRUE(before.is_ok()) << before.status().message();
    EXPECT_EQ(middle_[64], std::byte{7});
    Bytes sent = pattern(100);
    auto posted =
        near_->post(peer_, {sent.data(), exposed->region(), 128, sent.size()}, Deadline::after(20s));
    ASSERT_TRUE(posted.is_ok()) << posted.status().message();
    EXPECT_TRUE(posted->get()->wait(Deadline::after(20s)).is_ok());
    EXPECT_TRUE(wait_until([&] { return std::equal(sent.begin(), sent.end(), middle_.begin() + 128); }));
}

TEST_P(MemoryMode, AStaleKeyIsRefused) {
    RemoteRegion stale;
    {
        const auto exposed = far_->expose(middle_);
        ASSERT_TRUE(exposed.is_ok());
        stale = exposed->region();
    }
    const auto other = far_->expose(middle_);
    ASSERT_TRUE(other.is_ok());
    EXPECT_NE(other->region().key, stale.key);
    Bytes sent = pattern(64);
    const FabricPiece piece{sent.data(), stale, 0, sent.size()};
    const Status refused = near_->put(*peer_, {&piece, 1}, Deadline::after(20s));
    EXPECT_EQ(refused.code(), Code::kRefused) << refused.message();
    EXPECT_EQ(std::count(memory_.begin(), memory_.end(), std::byte{0}), std::ssize(memory_));
}

std::string name_of(const ::testing::TestParamInfo<Mode>& mode) {
    return std::string(mode.param.draws_keys ? "OwnKeys" : "OurKeys") +
           (mode.param.has_addresses ? "Addresses" : "Offsets");
}

INSTANTIATE_TEST_SUITE_P(Modes, MemoryMode,
                         ::testing::Values(Mode{true, false}, Mode{false, true}, Mode{true, true}), name_of);

}  // namespace
}  // namespace memfabric::transport
