// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/options.h"
#include "base/status.h"
#include "memory/address_range.h"
#include "memory/device_memory.h"

namespace memfabric::memory {

/// Physical memory of a provider, apart from any address. Freed when it is destroyed and no process maps it
/// any more.
class Allocation {
 public:
    virtual ~Allocation() = default;
    virtual uint64_t size() const = 0;
    /// A descriptor that another process on this host can import.
    virtual Result<Fd> export_handle() const = 0;
};

/// What stands behind HBM. The calls are those of a GPU's virtual-memory interface (reserve an address range,
/// create physical memory, export and import its handle, map it at an address), so that a GVA can be a device
/// pointer.
class MemoryProvider {
 public:
    virtual ~MemoryProvider() = default;

    virtual std::string_view name() const = 0;

    /// Whether it works on this machine, and why not.
    virtual Status viability() const = 0;

    /// HBM parts are ordinary memory, and lie in the segment that the members of a host share.
    virtual bool shares_host_segment() const = 0;

    /// Sizes and addresses are multiples of this.
    virtual uint64_t granularity() const = 0;

    /// Takes a part of the arena for the provider's driver; nothing else maps there until release.
    virtual Status reserve(AddressRange part) = 0;
    virtual Status release(AddressRange part) = 0;

    virtual Result<std::unique_ptr<Allocation>> allocate(uint64_t size) = 0;
    virtual Result<std::unique_ptr<Allocation>> import_handle(Fd handle, uint64_t size) = 0;

    /// Makes the allocation accessible at exactly `part` (which was reserved and has its size).
    virtual Status map(AddressRange part, const Allocation& allocation) = 0;
    virtual Status unmap(AddressRange part) = 0;

    /// Of what is mapped; it may outlive the provider. Where HBM parts are not ordinary memory, copies
    /// between them and other hosts go by it. Null: whoever reads or writes ordinary memory reaches them too.
    virtual std::shared_ptr<DeviceMemory> device_memory() = 0;
};

/// The provider that option MF_DEVICE_PROVIDER names.
Result<std::unique_ptr<MemoryProvider>> make_provider(const Options& options);

}  // namespace memfabric::memory
