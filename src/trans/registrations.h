// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "memory/address_range.h"

namespace memfabric::trans {

/// Refuses what cannot be registered: null, zero bytes, past the end of the address space.
Status check_registration(uint64_t address, uint64_t size);

/// Which memory a session has registered, how often, and which ranges of a RegistrationTable say so. Memory
/// is offered while any registration covers it. Registering costs O(log n) and what the range overlaps;
/// inside a registered range it changes nothing that peers see. The caller locks.
class Registrations {
 public:
    /// What the table's ranges must change by: `removed` are ranges as they were added earlier.
    struct Change {
        std::vector<memory::AddressRange> removed;
        std::vector<memory::AddressRange> added;
        memory::AddressRange registration;
        bool is_addition = false;
    };

    /// Both only for ranges that check_registration() accepts; `remove` only for one that is registered.
    Change add(memory::AddressRange range);
    Change remove(memory::AddressRange range);
    /// Undoes the latest change, where the table could not take it.
    void undo(const Change& change);

    /// The latest of those registrations that begin at `begin`.
    std::optional<memory::AddressRange> find(uint64_t begin) const;
    bool covers(memory::AddressRange range) const;
    /// Whether the registrations and `also` together cover it.
    bool covers(memory::AddressRange range, std::span<const memory::AddressRange> also) const;
    /// Registrations; equal ones count each.
    size_t size() const { return size_; }
    /// All that are registered, in no order; equal ones once for each.
    std::vector<memory::AddressRange> all() const;
    /// The ranges of the table, in order: as changes have added them.
    std::vector<memory::AddressRange> offered() const;

 private:
    /// Registrations of one start and one size that were made one after the other.
    struct Repeated {
        uint64_t size = 0;
        uint64_t times = 0;
    };

    void note(memory::AddressRange range);
    void forget(memory::AddressRange range);
    void cut(uint64_t address);
    bool count_behind_all(memory::AddressRange range);
    void join(uint64_t address);
    /// Changes the count of the range by one, and gives what it is the first or was the last to cover.
    std::vector<memory::AddressRange> count(memory::AddressRange range, bool up);

    std::unordered_map<uint64_t, std::vector<Repeated>> by_start_;
    std::map<uint64_t, uint64_t> counts_;   // address -> registrations that cover it, up to the next key
    std::map<uint64_t, uint64_t> offered_;  // begin -> end of the table's ranges
    size_t size_ = 0;
};

}  // namespace memfabric::trans
