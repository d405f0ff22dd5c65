// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

namespace memfabric::trans {

/// Which parts of a mapping this process has written before, in units of 64 KiB. Takes memory only for blocks
/// that were written. Not thread-safe.
class FirstUse {
 public:
    /// Notes the range; whether any part of it was new. `size` is not 0.
    bool note(uint64_t offset, uint64_t size);

 private:
    static constexpr uint64_t kPart = uint64_t{64} << 10;
    static constexpr uint64_t kPartsOfBlock = 1024;
    std::unordered_map<uint64_t, std::bitset<kPartsOfBlock>> blocks_;  // by number of the block
};

/// Enters the pages of a shared mapping that the bytes lie in into this process's page table at once,
/// writable: a write that finds one missing pays a fault for every single page. Takes no page that writing
/// the bytes would not take. Where the kernel cannot do it (before 5.14), the write's own faults do.
void map_pages(std::span<std::byte> bytes);

}  // namespace memfabric::trans
