// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/mapping.h"
#include "base/options.h"
#include "memory/address_range.h"

namespace memfabric::memory {

/// The candidates for the arena's base, in order of preference: option MF_GVA_BASE, else what was measured to
/// be free on this architecture (also under its sanitizers).
Result<std::vector<uint64_t>> base_candidates(const Options& options);

/// The arena's size: option MF_ARENA_SIZE, less where a sanitizer leaves less room.
uint64_t arena_size(const Options& options);

/// Those of the candidates at which `size` bytes can be reserved in this process now.
std::vector<uint64_t> usable_bases(const std::vector<uint64_t>& candidates, uint64_t size);

/// The lines of /proc/self/maps that lie in the range: who is in the way.
std::string occupants(AddressRange range);

/// The range of address space that a process keeps for the pool: inaccessible until a window's segment is
/// mapped into it.
class Arena {
 public:
    static Result<Arena> reserve(AddressRange range);

    AddressRange range() const { return {reservation_.address(), reservation_.size()}; }

    /// Maps `descriptor` from `offset` on over `part` of the arena, shared, readable and writable.
    Status map(AddressRange part, int descriptor, uint64_t offset);

    /// Makes `part` inaccessible again; the address space stays reserved.
    Status unmap(AddressRange part);

 private:
    explicit Arena(Mapping reservation) : reservation_(std::move(reservation)) {}
    Mapping reservation_;
};

}  // namespace memfabric::memory
