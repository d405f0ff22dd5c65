// SPDX-License-Identifier: Apache-2.0
// Processes that keep to a range of ports. libfabric reads it once, so that each test is a process of its
// own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "transport/fabric/fabric_transport.h"

namespace memfabric::transport {
namespace {

constexpr int kEndpoints = 3;
constexpr int kNeeded = 2 * kEndpoints + 2;
constexpr int kFirstPort = 25100;

/// Says "started", or why not.
void start_with_ports(int count) {
    // NOLINTBEGIN(concurrency-mt-unsafe)
    ::setenv("FI_TCP_PORT_LOW_RANGE", std::to_string(kFirstPort).c_str(), 1);
    ::setenv("FI_TCP_PORT_HIGH_RANGE", std::to_string(kFirstPort + count - 1).c_str(), 1);
    // NOLINTEND(concurrency-mt-unsafe)
    const auto started = FabricTransport::start({.provider = "tcp;ofi_rxm",
                                                 .nics = {{.address = "127.0.0.77"}},
                                                 .host_id = "here",
                                                 .endpoints = kEndpoints});
    const std::string said = started.is_ok() ? "started" : started.status().message();
    static_cast<void>(std::fprintf(stderr, "%s\n", said.c_str()));
    std::_Exit(0);
}

class FabricPorts : public ::testing::Test {
 protected:
    FabricPorts() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(FabricPorts, AreTwoForEachLaneAndTwo) {
    EXPECT_EXIT(start_with_ports(kNeeded), ::testing::ExitedWithCode(0), "started");
}

TEST_F(FabricPorts, ThatAreTooFewAreNamedWithHowManyAreNeeded) {
    EXPECT_EXIT(
        start_with_ports(kNeeded - 2), ::testing::ExitedWithCode(0),
        "the ports 25100 to 25105 .FI_TCP_PORT_LOW_RANGE, FI_TCP_PORT_HIGH_RANGE. are taken.* needs 2 x "
        "MF_FABRIC_ENDPOINTS . 2 of them");
}

}  // namespace
}  // namespace memfabric::transport
