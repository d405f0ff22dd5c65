// SPDX-License-Identifier: Apache-2.0
#include "memory/host_device_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/attempt.h"

namespace memfabric::memory {

void HostDeviceMemory::add(AddressRange part) {
    const std::lock_guard lock(mutex_);
    parts_.push_back(part);
}

void HostDeviceMemory::remove(AddressRange range) {
    const std::lock_guard lock(mutex_);
    std::erase_if(parts_, [range](const AddressRange& part) {
        return part.begin < range.end() && range.begin < part.end();
    });
}

bool HostDeviceMemory::covers(const std::byte* address, size_t size) const {
    const std::shared_lock lock(mutex_);
    return std::ranges::any_of(parts_, [&](const AddressRange& part) {
        return part.contains(reinterpret_cast<uint64_t>(address), size);
    });
}

Result<std::shared_ptr<std::byte[]>> HostDeviceMemory::pinned(size_t size) {
    return attempt([size]() -> Result<std::shared_ptr<std::byte[]>> {
        return std::make_shared_for_overwrite<std::byte[]>(size);
    });
}

Status HostDeviceMemory::to_host(std::byte* host, const std::byte* device, size_t size) {
    std::memcpy(host, device, size);
    return {};
}

Status HostDeviceMemory::to_device(std::byte* device, const std::byte* host, size_t size) {
    std::memcpy(device, host, size);
    return {};
}

}  // namespace memfabric::memory
