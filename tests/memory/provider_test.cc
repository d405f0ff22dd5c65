// SPDX-License-Identifier: Apache-2.0
// What every memory provider must do; run over all that work on this machine.
#include "memory/provider.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "memory/arena.h"

namespace memfabric::memory {
namespace {

class ProviderTest : public ::testing::TestWithParam<const char*> {
 protected:
    void SetUp() override {
        Options options;
        ASSERT_TRUE(options.set(OptionId::kDeviceProvider, GetParam()).is_ok());
        provider_ = make_provider(options).value();
        base_ = usable_bases(base_candidates(options).value(), 64 * kRegionGranularity).front();
        arena_.emplace(Arena::reserve({base_, 64 * kRegionGranularity}).value());
    }
    std::unique_ptr<MemoryProvider> provider_;
    uint64_t base_ = 0;
    std::optional<Arena> arena_;
};

TEST_P(ProviderTest, MapsAnAllocationAtAChosenAddress) {
    const AddressRange part{base_ + kRegionGranularity, 2 * kRegionGranularity};
    ASSERT_TRUE(provider_->reserve(part).is_ok());
    auto allocation = provider_->allocate(part.size);
    ASSERT_TRUE(allocation.is_ok());
    EXPECT_EQ((*allocation)->size(), part.size);
    ASSERT_TRUE(provider_->map(part, **allocation).is_ok());
    std::memset(reinterpret_cast<void*>(part.begin), 0x3C, part.size);
    ASSERT_TRUE(provider_->unmap(part).is_ok());
    ASSERT_TRUE(provider_->map(part, **allocation).is_ok());
    EXPECT_EQ(reinterpret_cast<unsigned char*>(part.begin)[part.size - 1], 0x3C)
        << "the allocation keeps its bytes";
    ASSERT_TRUE(provider_->release(part).is_ok());
}

TEST_P(ProviderTest, AnExportedHandleIsTheSameMemory) {
    const AddressRange here{base_, kRegionGranularity};
    const AddressRange there{base_ + 8 * kRegionGranularity, kRegionGranularity};
    auto allocation = provider_->allocate(here.size);
    ASSERT_TRUE(allocation.is_ok());
    auto handle = (*allocation)->export_handle();
    ASSERT_TRUE(handle.is_ok());
    auto imported = provider_->import_handle(std::move(handle).value(), here.size);
    ASSERT_TRUE(imported.is_ok());
    ASSERT_TRUE(provider_->map(here, **allocation).is_ok());
    ASSERT_TRUE(provider_->map(there, **imported).is_ok());
    std::memset(reinterpret_cast<void*>(here.begin), 0x77, here.size);
    EXPECT_EQ(
        std::memcmp(reinterpret_cast<void*>(here.begin), reinterpret_cast<void*>(there.begin), here.size), 0);
}

TEST_P(ProviderTest, RefusesAnAllocationOfAnotherSize) {
    auto allocation = provider_->allocate(kRegionGranularity);
    ASSERT_TRUE(allocation.is_ok());
    EXPECT_EQ(provider_->map({base_, 2 * kRegionGranularity}, **allocation).code(), Code::kInvalidParam);
}

INSTANTIATE_TEST_SUITE_P(All, ProviderTest, ::testing::Values("host"));

}  // namespace
}  // namespace memfabric::memory
