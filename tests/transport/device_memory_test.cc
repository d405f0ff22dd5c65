// SPDX-License-Identifier: Apache-2.0
// Memory of a device, here the host's own behind the interface of one: through pinned memory.
#include "transport/fabric/device_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <vector>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::pattern;

class HostAsDevice final : public DeviceMemory {
 public:
    explicit HostAsDevice(size_t size) : memory(size) {}

    bool covers(const std::byte* address, size_t size) const override {
        return address >= memory.data() && address + size <= memory.data() + memory.size();
    }
    Result<std::shared_ptr<std::byte[]>> pinned(size_t size) override {
        if (!has_pinned) {
            return failure(Code::kMallocFailed, "no pinned memory");
        }
        return std::make_shared<std::byte[]>(size);
    }
    Status to_host(std::byte* host, const std::byte* device, size_t size) override {
        std::memcpy(host, device, size);
        copied += size;
        return fails_after < copied ? failure(Code::kError, "the device fell off its bus") : Status();
    }
    Status to_device(std::byte* device, const std::byte* host, size_t size) override {
        std::memcpy(device, host, size);
        copied += size;
        return {};
    }

    Bytes memory;
    std::atomic<size_t> copied{0};
    size_t fails_after = ~size_t{0};
    bool has_pinned = true;
};

class DeviceMemoryOverFabric : public ::testing::Test {
 protected:
    static constexpr size_t kSize = 5'000'000;

    void SetUp() override {
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
    FabricPiece piece(std::byte* local, uint64_t offset, size_t size) const {
        return {local, exposed_->region(), offset, size};
    }

    const std::shared_ptr<HostAsDevice> device_ = std::make_shared<HostAsDevice>(kSize);
    Bytes remote_ = Bytes(kSize);
    std::unique_ptr<FabricTransport> far_;
    std::unique_ptr<FabricTransport> near_;
    std::shared_ptr<FabricPeer> peer_;
    std::optional<ExposedRegion> exposed_;
};

TEST_F(DeviceMemoryOverFabric, PutAndGetGoThroughPinnedMemory) {
    device_->memory = pattern(kSize);
    const Bytes sent = device_->memory;
    const FabricPiece out = piece(device_->memory.data(), 0, kSize);
    const Status put = near_->put(*peer_, {&out, 1}, Deadline::after(20s));
    ASSERT_TRUE(put.is_ok()) << put.message();
    EXPECT_TRUE(remote_ == sent);
    EXPECT_EQ(device_->copied, kSize);
    std::fill(device_->memory.begin(), device_->memory.end(), std::byte{0});
    const Status get = near_->get(*peer_, {&out, 1}, Deadline::after(20s));
    ASSERT_TRUE(get.is_ok()) << get.message();
    EXPECT_TRUE(device_->memory == sent);
    EXPECT_EQ(device_->copied, 2 * kSize);
}

TEST_F(DeviceMemoryOverFabric, PiecesOfHostMemoryBesideThemDoNot) {
    Bytes host = pattern(3000, 9);
    device_->memory = pattern(kSize);
    const std::vector<FabricPiece> pieces = {piece(device_->memory.data() + 50, 0, 2000),
                                             piece(host.data(), 2000, host.size()),
                                             piece(device_->memory.data() + 9000, 5000, 1000)};
    auto begun = near_->begin(peer_, FabricFlow::kPut, pieces, Deadline::after(20s));
    ASSERT_TRUE(begun.is_ok());
    const Status put = (*begun)->wait(Deadline::after(20s));
    ASSERT_TRUE(put.is_ok()) << put.message();
    EXPECT_EQ(device_->copied, 3000U);
    EXPECT_TRUE(std::equal(remote_.begin(), remote_.begin() + 2000, device_->memory.begin() + 50));
    EXPECT_TRUE(std::equal(host.begin(), host.end(), remote_.begin() + 2000));
    EXPECT_TRUE(std::equal(remote_.begin() + 5000, remote_.begin() + 6000, device_->memory.begin() + 9000));
}

TEST_F(DeviceMemoryOverFabric, ItsFailuresAreTheCalls) {
    const FabricPiece out = piece(device_->memory.data(), 0, kSize);
    device_->fails_after = 2'000'000;
    const Status broken = near_->put(*peer_, {&out, 1}, Deadline::after(20s));
    EXPECT_EQ(broken.code(), Code::kError);
    EXPECT_NE(broken.message().find("fell off its bus"), std::string::npos) << broken.message();
    device_->has_pinned = false;
    EXPECT_EQ(near_->get(*peer_, {&out, 1}, Deadline::after(20s)).code(), Code::kMallocFailed);
}

}  // namespace
}  // namespace memfabric::transport
