// SPDX-License-Identifier: Apache-2.0
// Providers of libfabric that wake nobody, as that of EFA: one that is on every host stands for them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr const char* kProvider = "udp;ofi_rxd";

std::unique_ptr<FabricTransport> start_by(const std::string& provider) {
    auto started = FabricTransport::start({.provider = provider,
                                           .nics = {{.address = "127.0.0.1"}, {.address = "127.0.0.2"}},
                                           .host_id = "here"});
    EXPECT_TRUE(started.is_ok()) << started.status().message();
    return started.is_ok() ? std::move(started).value() : nullptr;
}

class PollingProvider : public ::testing::Test {
 protected:
    void SetUp() override {
        far_ = start_by(kProvider);
        near_ = start_by(kProvider);
        ASSERT_TRUE(far_ && near_);
        peer_ = connect_to(*near_, far_->address());
    }
    std::unique_ptr<FabricTransport> far_;
    std::unique_ptr<FabricTransport> near_;
    std::shared_ptr<FabricPeer> peer_;
};

TEST_F(PollingProvider, MovesWhatIsPutAndGot) {
    Bytes memory(3 << 20);
    const auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
    for (const size_t size : {size_t{8}, size_t{4097}, memory.size() - 5}) {
        ASSERT_NO_FATAL_FAILURE(
            check_round_trip(*near_, *peer_, exposed->region(), memory, 5, pattern(size), 20s));
    }
}

TEST_F(PollingProvider, AnswersPingsAndAtomicsAfterAWhileOfNothing) {
    Bytes memory(4096);
    const auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    for (uint64_t i = 0; i < 3; ++i) {
        std::this_thread::sleep_for(20ms);
        const Status ping = near_->ping(*peer_, Deadline::after(20s));
        EXPECT_TRUE(ping.is_ok()) << ping.message();
        const auto before =
            near_->atomic(*peer_, {exposed->region(), 8, 8, AtomicKind::kAdd, 1, 0}, Deadline::after(20s));
        ASSERT_TRUE(before.is_ok()) << before.status().message();
        EXPECT_EQ(*before, i);
    }
}

TEST_F(PollingProvider, RefusesAStaleKeyAndGoesOn) {
    Bytes memory(4096);
    RemoteRegion stale;
    {
        const auto exposed = far_->expose(memory);
        ASSERT_TRUE(exposed.is_ok());
        stale = exposed->region();
    }
    Bytes sent = pattern(64);
    const FabricPiece wrong{sent.data(), stale, 0, sent.size()};
    const Status refused = near_->put(*peer_, {&wrong, 1}, Deadline::after(20s));
    EXPECT_EQ(refused.code(), Code::kRefused) << refused.message();
    const auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    const FabricPiece right{sent.data(), exposed->region(), 0, sent.size()};
    const Status put = near_->put(*peer_, {&right, 1}, Deadline::after(20s));
    EXPECT_TRUE(put.is_ok()) << put.message();
}

/// The threads of two processes look every millisecond for what may have come.
TEST_F(PollingProvider, TakesLittleOfAProcessorWhileNothingHappens) {
    std::this_thread::sleep_for(50ms);
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(1s);
    const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LT(used, 0.8);
}

/// As `auto` does where there is a device whose provider does not start.
void start_where_tcp_has_no_ports() {
    ::setenv("FI_TCP_PORT_LOW_RANGE", "25001", 1);  // NOLINT(concurrency-mt-unsafe)
    ::setenv("FI_TCP_PORT_HIGH_RANGE", "25001", 1);
    const auto started = FabricTransport::start(
        {.nics = {{.address = "127.0.0.1"}}, .host_id = "here", .preferred = {"tcp;ofi_rxm", kProvider}});
    const std::string outcome = started.is_ok() ? (*started)->address().provider : started.status().message();
    static_cast<void>(std::fprintf(stderr, "taken: %s\n", outcome.c_str()));
    std::_Exit(0);
}

TEST(FabricStart, TakesTheNextProviderWhereOneIsHereButDoesNotStart) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        start_where_tcp_has_no_ports(), ::testing::ExitedWithCode(0),
        "provider tcp;ofi_rxm is here, but does not start: .* Trying udp;ofi_rxd(.|\n)*taken: udp;ofi_rxd");
}

}  // namespace
}  // namespace memfabric::transport
