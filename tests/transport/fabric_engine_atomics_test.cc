// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_place.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using namespace test;

/// Atomics are requests, which the owner carries out. What the engine offers beside them would not be atomic
/// to its processor with each provider, and some providers have none.
TEST_F(FabricPair, TheEnginesOwnAtomicsAreRefusedToWhoHasTheKey) {
    Bytes memory(4096, std::byte{7});
    const auto exposed = far_->expose(memory);
    ASSERT_TRUE(exposed.is_ok());
    const auto program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "memfabric_hostile_peer";
    const std::string command = program.string() + " atomic " +
                                to_hex(far_->address().ports.front().endpoints.front()) + " " +
                                std::to_string(exposed->region().key) + " 64 8";
    FILE* output = ::popen(command.c_str(), "re");
    ASSERT_NE(output, nullptr);
    std::string said;
    for (int byte = std::fgetc(output); byte != EOF; byte = std::fgetc(output)) {
        said.push_back(static_cast<char>(byte));
    }
    EXPECT_EQ(::pclose(output), 0) << said;
    EXPECT_EQ(said, "refused\n");
    EXPECT_EQ(memory, Bytes(4096, std::byte{7}));
    const auto before =
        near_->atomic(*peer_, {exposed->region(), 64, 8, AtomicKind::kAdd, 1, 0}, Deadline::after(20s));
    ASSERT_TRUE(before.is_ok()) << before.status().message();
    EXPECT_EQ(*before, 0x0707070707070707U);
}

}  // namespace
}  // namespace memfabric::transport
