// SPDX-License-Identifier: Apache-2.0
#include "runtime/machine_info.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <set>

#include "runtime/machine_checks.h"

namespace memfabric {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const MachineCheck& find(const std::vector<MachineCheck>& checks, const std::string& name) {
    static const MachineCheck nothing{"", false, "", ""};
    for (const MachineCheck& check : checks) {
        if (check.name == name) {
            return check;
        }
    }
    ADD_FAILURE() << name;
    return nothing;
}

TEST(MachineInfo, EveryCheckHasAValueAndEachFailureAdvice) {
    std::set<std::string> names;
    for (const MachineCheck& check : inspect_machine(Options())) {
        EXPECT_TRUE(names.insert(check.name).second) << check.name << " twice";
        EXPECT_THAT(check.value, Not(IsEmpty())) << check.name;
        EXPECT_TRUE(check.ok || !check.advice.empty()) << check.name;
    }
    EXPECT_GE(names.size(), 17U);
}

TEST(MachineInfo, SaysWhatIsTrueHere) {
    const std::vector<MachineCheck> checks = inspect_machine(Options());
    EXPECT_EQ(find(checks, "page size").value, bytes_text(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))));
    EXPECT_TRUE(find(checks, "shared segments (memfd, sealing)").ok);
    EXPECT_THAT(find(checks, "processors").value, HasSubstr(std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))));
}

TEST(MachineInfo, ABaseThatIsTakenIsNotUsable) {
    Options options;
    ASSERT_TRUE(options.set(OptionId::kArenaSize, "1G").is_ok());
    // What the stack lies in cannot be reserved.
    const uint64_t here = reinterpret_cast<uint64_t>(&options) / (1 << 21) * (1 << 21);
    ASSERT_TRUE(options.set(OptionId::kGvaBase, fmt::format("{:#x}", here)).is_ok());
    const MachineCheck check = find(inspect_machine(options), "address space");
    EXPECT_FALSE(check.ok);
    EXPECT_THAT(check.value, HasSubstr("0 of 1"));
    EXPECT_THAT(check.advice, HasSubstr("MF_GVA_BASE"));
}

TEST(MachineInfo, BytesAreShownInTheLargestFittingUnit) {
    EXPECT_EQ(bytes_text(0), "0 bytes");
    EXPECT_EQ(bytes_text(1023), "1023 bytes");
    EXPECT_EQ(bytes_text(4096), "4 KiB");
    EXPECT_EQ(bytes_text(uint64_t{3} << 29), "1.5 GiB");
    EXPECT_EQ(bytes_text(uint64_t{16} << 40), "16 TiB");
}

}  // namespace
}  // namespace memfabric
