// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <shared_mutex>
#include <vector>

#include "memory/address_range.h"
#include "memory/device_memory.h"

namespace memfabric::memory {

/// What the host provider has mapped, to be moved as a device's: the processor copies, and any host memory
/// is as good as pinned.
class HostDeviceMemory final : public DeviceMemory {
 public:
    void add(AddressRange part);
    /// Forgets every part of which any byte lies in the range.
    void remove(AddressRange range);

    bool covers(const std::byte* address, size_t size) const override;
    Result<std::shared_ptr<std::byte[]>> pinned(size_t size) override;
    Status to_host(std::byte* host, const std::byte* device, size_t size) override;
    Status to_device(std::byte* device, const std::byte* host, size_t size) override;

 private:
    mutable std::shared_mutex mutex_;
    std::vector<AddressRange> parts_;
};

}  // namespace memfabric::memory
