// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "memory/host_device_memory.h"
#include "memory/provider.h"

namespace memfabric::memory {

/// HBM for machines without an accelerator: DRAM.
class HostProvider final : public MemoryProvider {
 public:
    explicit HostProvider(const Options& options) : options_(options) {}

    std::string_view name() const override { return "host"; }
    Status viability() const override { return {}; }
    bool shares_host_segment() const override { return true; }
    uint64_t granularity() const override { return kRegionGranularity; }
    Status reserve(AddressRange part) override;
    Status release(AddressRange part) override;
    Result<std::unique_ptr<Allocation>> allocate(uint64_t size) override;
    Result<std::unique_ptr<Allocation>> import_handle(Fd handle, uint64_t size) override;
    Status map(AddressRange part, const Allocation& allocation) override;
    Status unmap(AddressRange part) override;
    std::shared_ptr<DeviceMemory> device_memory() override { return mapped_; }

 private:
    Options options_;
    const std::shared_ptr<HostDeviceMemory> mapped_ = std::make_shared<HostDeviceMemory>();
};

}  // namespace memfabric::memory
