// SPDX-License-Identifier: Apache-2.0
// Memory of a device, here the host provider's: through pinned memory.
#include "transport/fabric/device_staging.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "memory/arena.h"
#include "memory/provider.h"
#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::pattern;

/// Counts what the device copies; fails when it is told to.
class Watched final : public memory::DeviceMemory {
 public:
    explicit Watched(std::shared_ptr<memory::DeviceMemory> device) : device_(std::move(device)) {}

    bool covers(const std::byte* address, size_t size) const override {
        return device_->covers(address, size);
    }
    Result<std::shared_ptr<std::byte[]>> pinned(size_t size) override {
        return has_pinned ? device_->pinned(size) : failure(Code::kMallocFailed, "no pinned memory");
    }
    Status to_host(std::byte* host, const std::byte* device, size_t size) override {
        copied += size;
        return fails_after < copied ? failure(Code::kError, "the device fell off its bus")
                                    : device_->to_host(host, device, size);
    }
    Status to_device(std::byte* device, const std::byte* host, size_t size) override {
        copied += size;
        return device_->to_device(device, host, size);
    }

    std::atomic<size_t> copied{0};
    size_t fails_after = ~size_t{0};
    bool has_pinned = true;

 private:
    const std::shared_ptr<memory::DeviceMemory> device_;
};

class DeviceMemoryOverFabric : public ::testing::Test {
 protected:
    static constexpr size_t kSize = 5'000'000;
    static constexpr uint64_t kPart = 3 * memory::kRegionGranularity;

    void SetUp() override {
        map_device();
        far_ = test::start_here();
        FabricConfig config{.provider = "tcp;ofi_rxm", .nics = {{.address = "127.0.0.1"}}, .host_id = "here"};
        config.device = device_;
        auto near = FabricTransport::start(config);
        ASSERT_TRUE(near.is_ok()) << near.status().message();
        near_ = std::move(near).value();
        peer_ = connect_to(*near_, far_->address());
        auto exposed = far_->expose(remote_);
        ASSERT_TRUE(exposed.is_ok());
        exposed_.emplace(std::move(exposed).value());
    }
    void map_device() {
        provider_ = memory::make_provider({}).value();
        const uint64_t base = memory::usable_bases(memory::base_candidates({}).value(), kPart).front();
        arena_.emplace(memory::Arena::reserve({base, kPart}).value());
        ASSERT_TRUE(provider_->reserve({base, kPart}).is_ok());
        allocation_ = provider_->allocate(kPart).value();
        ASSERT_TRUE(provider_->map({base, kPart}, *allocation_).is_ok());
        memory_ = {reinterpret_cast<std::byte*>(base), kSize};
        device_ = std::make_shared<Watched>(provider_->device_memory());
    }
    FabricPiece piece(std::byte* local, uint64_t offset, size_t size) const {
        return {local, exposed_->region(), offset, size};
    }

    std::unique_ptr<memory::MemoryProvider> provider_;
    std::optional<memory::Arena> arena_;
    std::unique_ptr<memory::Allocation> allocation_;
    std::span<std::byte> memory_;  // of the device
    std::shared_ptr<Watched> device_;
    Bytes remote_ = Bytes(kSize);
    std::unique_ptr<FabricTransport> far_;
    std::unique_ptr<FabricTransport> near_;
    std::shared_ptr<FabricPeer> peer_;
    std::optional<ExposedRegion> exposed_;
};

TEST_F(DeviceMemoryOverFabric, PutAndGetGoThroughPinnedMemory) {
    const Bytes sent = pattern(kSize);
    std::ranges::copy(sent, memory_.begin());
    const FabricPiece out = piece(memory_.data(), 0, kSize);
    const Status put = near_->put(*peer_, {&out, 1}, Deadline::after(20s));
    ASSERT_TRUE(put.is_ok()) << put.message();
    EXPECT_TRUE(remote_ == sent);
    EXPECT_EQ(device_->copied, kSize);
    std::ranges::fill(memory_, std::byte{0});
    const Status get = near_->get(*peer_, {&out, 1}, Deadline::after(20s));
    ASSERT_TRUE(get.is_ok()) << get.message();
    EXPECT_TRUE(std::ranges::equal(memory_, sent));
    EXPECT_EQ(device_->copied, 2 * kSize);
}

TEST_F(DeviceMemoryOverFabric, PiecesOfHostMemoryBesideThemDoNot) {
    Bytes host = pattern(3000, 9);
    std::ranges::copy(pattern(kSize), memory_.begin());
    const std::vector<FabricPiece> pieces = {piece(memory_.data() + 50, 0, 2000),
                                             piece(host.data(), 2000, host.size()),
                                             piece(memory_.data() + 9000, 5000, 1000)};
    auto begun = near_->begin(peer_, FabricFlow::kPut, pieces, Deadline::after(20s));
    ASSERT_TRUE(begun.is_ok());
    const Status put = (*begun)->wait(Deadline::after(20s));
    ASSERT_TRUE(put.is_ok()) << put.message();
    EXPECT_EQ(device_->copied, 3000U);
    EXPECT_TRUE(std::equal(remote_.begin(), remote_.begin() + 2000, memory_.begin() + 50));
    EXPECT_TRUE(std::equal(host.begin(), host.end(), remote_.begin() + 2000));
    EXPECT_TRUE(std::equal(remote_.begin() + 5000, remote_.begin() + 6000, memory_.begin() + 9000));
}

TEST_F(DeviceMemoryOverFabric, ItsFailuresAreTheCalls) {
    const FabricPiece out = piece(memory_.data(), 0, kSize);
    device_->fails_after = 2'000'000;
    const Status broken = near_->put(*peer_, {&out, 1}, Deadline::after(20s));
    EXPECT_EQ(broken.code(), Code::kError);
    EXPECT_NE(broken.message().find("fell off its bus"), std::string::npos) << broken.message();
    device_->has_pinned = false;
    EXPECT_EQ(near_->get(*peer_, {&out, 1}, Deadline::after(20s)).code(), Code::kMallocFailed);
}

TEST_F(DeviceMemoryOverFabric, WhatIsNotMappedAnyMoreIsOrdinaryMemory) {
    const std::byte* const begin = memory_.data();
    EXPECT_TRUE(device_->covers(begin, kPart));
    EXPECT_FALSE(device_->covers(begin, kPart + 1));
    EXPECT_FALSE(device_->covers(begin - 1, 2));
    ASSERT_TRUE(provider_->unmap({reinterpret_cast<uint64_t>(begin), kPart}).is_ok());
    EXPECT_FALSE(device_->covers(begin, 1));
}

TEST_F(DeviceMemoryOverFabric, IsNotExposedToPeersThatCouldNotReachIt) {
    const auto refused = near_->expose(memory_);
    EXPECT_EQ(refused.status().code(), Code::kNotSupported);
    EXPECT_NE(refused.status().message().find("tcp;ofi_rxm"), std::string::npos)
        << refused.status().message();
}

}  // namespace
}  // namespace memfabric::transport
