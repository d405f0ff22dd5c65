// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/mapping.h"
#include "base/status.h"
#include "trans/table_layout.h"

namespace memfabric::trans {

/// [begin, end) of the owner's memory that peers may write and read, in one kind of memory.
struct Run {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t segment = 0;  // 0: private memory; else the number of a segment of the library
    bool operator==(const Run&) const = default;
};

/// The table of what a session offers, in memory that its peers map and can only read (TableView). One
/// writer at a time: the caller locks.
class RegistrationTable {
 public:
    static Result<RegistrationTable> create(const std::string& name);

    /// To be handed to peers: nobody can write by it.
    int descriptor() const { return readable_.is_open() ? readable_.get() : descriptor_.get(); }

    /// Takes the runs of `removed`, which are in the table, out of it, and puts those of `added` in, which
    /// overlap nothing that remains: all at once for every reader, or nothing. O(log n) for each run.
    Status apply(std::span<const Run> removed, std::span<const Run> added);

    /// Says where the segment with this number (1 to 4095) lies; before the first run that names it.
    Status put_segment(uint32_t number, uint64_t base, uint64_t size);
    /// After the last run that names it.
    void drop_segment(uint32_t number);

    /// Nothing is offered any more, for good: readers learn that the session has ended.
    void close();

    uint64_t size() const { return size_; }

 private:
    RegistrationTable(Fd descriptor, Fd readable, Mapping mapping)
        : descriptor_(std::move(descriptor)), readable_(std::move(readable)), mapping_(std::move(mapping)) {}

    /// The chunk of a key, by its index in the directory, and the first entry there that begins at or behind
    /// it.
    struct Place {
        size_t slot = 0;
        size_t entry = 0;
    };

    table_layout::Table& table() const { return *reinterpret_cast<table_layout::Table*>(mapping_.data()); }
    table_layout::Chunk& chunk_at(size_t slot) const;
    size_t count_at(size_t slot) const;
    size_t slots() const;
    bool contains(const Run& run) const;
    Place place_of(uint64_t begin) const;

    Status reserve(size_t additions);
    Status commit(size_t offset, size_t size) const;
    void begin_change();
    void end_change();

    void insert(const Run& run);
    void erase(const Run& run);
    Place make_room(Place place, uint64_t begin);
    void merge_if_small(size_t slot);
    void add_chunk(size_t slot, uint64_t begin);
    void drop_chunk(size_t slot);
    void set_begin(size_t slot);

    Fd descriptor_;
    Fd readable_;  // where the kernel cannot close the other one to writers
    Mapping mapping_;
    uint64_t size_ = 0;
    std::vector<uint32_t> free_chunks_;  // that have their page
    size_t committed_chunks_ = 0;
    size_t committed_directory_ = 0;  // bytes
};

}  // namespace memfabric::trans
