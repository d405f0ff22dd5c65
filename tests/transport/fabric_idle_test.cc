// SPDX-License-Identifier: Apache-2.0
// A transport that nobody uses costs nothing, also after it was used.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::FabricPair;

std::chrono::microseconds processor_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

TEST_F(FabricPair, SleepsSoonAfterItsLastOperation) {
    Bytes memory(64);
    auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    Bytes sent(8);
    const FabricPiece piece{sent.data(), exposed->region(), 0, sent.size()};
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(near_->put(*peer_, {&piece, 1}, Deadline::after(10s)).is_ok());
    }
    // A thread that spins takes all of a window of this length; the first ones are the sleepers' last looks.
    constexpr std::chrono::milliseconds kWindow{100};
    std::chrono::microseconds least{kWindow};
    for (int i = 0; i < 10; ++i) {
        const auto before = processor_time();
        std::this_thread::sleep_for(kWindow);
        least = std::min(least, processor_time() - before);
    }
    EXPECT_LT(least, 5ms);
}

}  // namespace
}  // namespace memfabric::transport
