// SPDX-License-Identifier: Apache-2.0
#include "memory/numa_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numa.h>
#include <numaif.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mapping.h"
#include "memory/machine_memory.h"

namespace memfabric::memory {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::vector<std::string>& warnings() {
    static std::vector<std::string> lines;
    return lines;
}

Options on_node_0() {
    Options options;
    EXPECT_TRUE(options.set(OptionId::kNumaNode, "0").is_ok());
    return options;
}

int policy_at(uint64_t address) {
    int policy = -1;
    EXPECT_EQ(::get_mempolicy(&policy, nullptr, 0, reinterpret_cast<void*>(address), MPOL_F_ADDR), 0);
    return policy;
}

TEST(NodeMeminfo, CountsWhatIsFreeAndWhatOnlyCachesFiles) {
    std::istringstream text(
        "Node 1 MemTotal:       1000000 kB\n"
        "Node 1 MemFree:           1000 kB\n"
        "Node 1 Active(anon):        7 kB\n"
        "Node 1 Active(file):        20 kB\n"
        "Node 1 Inactive(file):      3 kB\n"
        "Node 1 SReclaimable:        400 kB\n"
        "Node 1 HugePages_Free:      5\n");
    EXPECT_EQ(available_in_node_meminfo(text), 1423U * 1024);
}

TEST(NodeMeminfo, ANodeThatIsNotThereHasNoHugePages) {
    EXPECT_EQ(node_available_huge_bytes(1023), 0U);
}

class NumaPolicy : public testing::Test {
 protected:
    void SetUp() override {
        if (::numa_available() < 0 || numa_bitmask_isbitset(numa_all_nodes_ptr, 0) == 0) {
            GTEST_SKIP() << "this kernel or container has no NUMA node 0";
        }
        warnings().clear();
        set_external_logger([](int, const char* line) { warnings().emplace_back(line); });
    }
    void TearDown() override { set_external_logger(nullptr); }

    /// Address space with nothing behind it, where nothing else lies.
    static Mapping reserve(uint64_t size) {
        constexpr uint64_t kAddress = uint64_t{0x7e90} << 32;  // also free under ThreadSanitizer
        return Mapping::reserve_at(kAddress, size).value();
    }
};

TEST_F(NumaPolicy, WhatFitsIsBound) {
    const Mapping mapping = reserve(2 * kMiB);
    bind_to_numa_node({mapping.address(), mapping.size()}, on_node_0());
    EXPECT_EQ(policy_at(mapping.address()), MPOL_BIND);
    EXPECT_TRUE(warnings().empty());
}

TEST_F(NumaPolicy, WhatTheNodeHasNoRoomForStaysWithTheKernelAndOneWarning) {
    const uint64_t too_much = (node_available_bytes(0) / kMiB + 1024) * kMiB;
    const Mapping mapping = reserve(too_much);
    bind_to_numa_node({mapping.address(), mapping.size()}, on_node_0());
    bind_to_numa_node({mapping.address(), mapping.size()}, on_node_0());
    EXPECT_EQ(policy_at(mapping.address()), MPOL_DEFAULT);
    ASSERT_EQ(warnings().size(), 1U);
    EXPECT_THAT(warnings().front(), AllOf(HasSubstr("MF_NUMA_NODE"), HasSubstr(std::to_string(too_much))));
}

}  // namespace
}  // namespace memfabric::memory
