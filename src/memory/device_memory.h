// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "base/status.h"

namespace memfabric::memory {

/// How bytes get between the memory of a device and the host's, where whoever moves them does not reach the
/// device's by itself. Any thread may call everything, several at a time; each call returns when it is done.
class DeviceMemory {
 public:
    virtual ~DeviceMemory() = default;
    /// Whether all of it is the device's.
    virtual bool covers(const std::byte* address, size_t size) const = 0;
    /// Host memory that the device copies from and to at full speed.
    virtual Result<std::shared_ptr<std::byte[]>> pinned(size_t size) = 0;
    virtual Status to_host(std::byte* host, const std::byte* device, size_t size) = 0;
    virtual Status to_device(std::byte* device, const std::byte* host, size_t size) = 0;
};

}  // namespace memfabric::memory
