// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/mapping.h"
#include "base/status.h"
#include "memory/address_range.h"
#include "trans/registration_table.h"
#include "trans/table_layout.h"

namespace memfabric::trans {

/// A peer's registration table, mapped to be read. Nothing that stands in it, torn or hostile, makes a reader
/// crash or go on for ever. Thread-safe.
class TableView {
 public:
    /// A descriptor that came from another process; checked to be a table that cannot shrink.
    static Result<TableView> open(Fd descriptor);

    /// A stretch of one of the wanted ranges that lies in one kind of memory.
    struct Part {
        uint32_t piece = 0;  // index of the wanted range
        uint64_t begin = 0;
        uint64_t size = 0;
        uint32_t segment = 0;  // 0: private memory of the owner
        bool operator==(const Part&) const = default;
    };

    enum class Outcome {
        kCovered,  // every byte of every range is registered; `parts` says in what
        kMissing,  // `missing` is the first address that is not
        kClosed,   // the session has ended
        kBusy,     // the owner was changing the table until the deadline: it is stopped
    };

    struct Missing {
        uint32_t piece = 0;
        uint64_t address = 0;
    };

    /// Looks every range up. Ranges that touch are one. Each range is looked up at one moment during the
    /// call; that all of them are registered at the end of it holds where the caller announced them before,
    /// so that the owner cannot take any of them back. Allocates nothing where `parts` has room.
    Outcome check(std::span<const memory::AddressRange> wanted, std::vector<Part>& parts, Missing& missing,
                  Deadline deadline) const;

    /// Whether the session has ended in good order.
    bool is_closed() const;

    /// Another one after every change. To wait for a change: read it, check, wait_change().
    uint32_t generation() const;
    /// Sleeps until the generation is another than `seen`, or the deadline. Who died changes nothing any
    /// more and wakes nobody: the caller watches for that itself.
    void wait_change(uint32_t seen, Deadline deadline) const;

    /// Where the owner has the segment; nothing where it has none of that number.
    std::optional<memory::AddressRange> segment(uint32_t number) const;

 private:
    explicit TableView(Mapping mapping) : mapping_(std::move(mapping)) {}

    /// The entry that was found last, and when: pieces often follow one another.
    struct Found {
        uint64_t sequence = 1;  // odd: none yet
        Run run;
    };

    const table_layout::Table& table() const {
        return *reinterpret_cast<const table_layout::Table*>(mapping_.data());
    }
    /// Both give an index that is safe to use, whatever the table says.
    const table_layout::Chunk& chunk_at(size_t slot) const;
    size_t slots() const;

    Outcome check_one(memory::AddressRange wanted, uint32_t piece, std::vector<Part>& parts, Found& found,
                      uint64_t& missing, Deadline deadline) const;
    /// Whether the range is registered, as far as the table can be believed; adds its parts.
    bool look_up(memory::AddressRange wanted, uint32_t piece, uint64_t sequence, std::vector<Part>& parts,
                 Found& found, uint64_t& missing) const;
    bool is_torn(uint64_t sequence) const;
    /// An even sequence number; nothing where the deadline passed before.
    std::optional<uint64_t> stable_sequence(Deadline deadline) const;

    Mapping mapping_;
};

}  // namespace memfabric::trans
