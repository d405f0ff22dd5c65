// SPDX-License-Identifier: Apache-2.0
// How the ranges are kept in chunks. All of it runs while the sequence number is odd; readers see it half
// done and look again.

#include "trans/registration_table.h"

namespace memfabric::trans {

using namespace table_layout;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void copy_entry(Entry& to, const Entry& from) {
    to.begin.store(from.begin.load(kRelaxed), kRelaxed);
    to.end.store(from.end.load(kRelaxed), kRelaxed);
    to.segment.store(from.segment.load(kRelaxed), kRelaxed);
}

void copy_place(ChunkPlace& to, const ChunkPlace& from) {
    to.begin.store(from.begin.load(kRelaxed), kRelaxed);
    to.chunk.store(from.chunk.load(kRelaxed), kRelaxed);
}

/// Appends entries [from, end of `source`) to `target`.
void move_entries(Chunk& target, Chunk& source, size_t from) {
    const size_t there = target.count.load(kRelaxed);
    const size_t moved = source.count.load(kRelaxed) - from;
    for (size_t i = 0; i < moved; ++i) {
        copy_entry(target.entries[there + i], source.entries[from + i]);
    }
    target.count.store(static_cast<uint32_t>(there + moved), kRelaxed);
    source.count.store(static_cast<uint32_t>(from), kRelaxed);
}

}  // namespace

void RegistrationTable::insert(const Run& run) {
    if (slots() == 0) {
        add_chunk(0, run.begin);
    }
    Place place = place_of(run.begin);
    if (count_at(place.slot) == kEntriesPerChunk) {
        place = make_room(place, run.begin);
    }
    Chunk& chunk = chunk_at(place.slot);
    const size_t count = count_at(place.slot);
    for (size_t i = count; i > place.entry; --i) {
        copy_entry(chunk.entries[i], chunk.entries[i - 1]);
    }
    Entry& entry = chunk.entries[place.entry];
    entry.begin.store(run.begin, kRelaxed);
    entry.end.store(run.end, kRelaxed);
    entry.segment.store(run.segment, kRelaxed);
    chunk.count.store(static_cast<uint32_t>(count + 1), kRelaxed);
    set_begin(place.slot);
    ++size_;
}

void RegistrationTable::erase(const Run& run) {
    const Place place = place_of(run.begin);
    Chunk& chunk = chunk_at(place.slot);
    const size_t count = count_at(place.slot) - 1;
    for (size_t i = place.entry; i < count; ++i) {
        copy_entry(chunk.entries[i], chunk.entries[i + 1]);
    }
    chunk.count.store(static_cast<uint32_t>(count), kRelaxed);
    --size_;
    if (count == 0) {
        drop_chunk(place.slot);
        return;
    }
    set_begin(place.slot);
    merge_if_small(place.slot);
    if (place.slot > 0) {
        merge_if_small(place.slot - 1);
    }
}

/// Where the entry goes once its full chunk has room.
RegistrationTable::Place RegistrationTable::make_room(Place place, uint64_t begin) {
    if (place.slot + 1 == slots() && place.entry == kEntriesPerChunk) {
        // Addresses that only grow leave full chunks behind them, not half full ones.
        add_chunk(place.slot + 1, begin);
        return {place.slot + 1, 0};
    }
    constexpr size_t kKept = kEntriesPerChunk / 2;
    add_chunk(place.slot + 1, chunk_at(place.slot).entries[kKept].begin.load(kRelaxed));
    move_entries(chunk_at(place.slot + 1), chunk_at(place.slot), kKept);
    return place.entry <= kKept ? place : Place{place.slot + 1, place.entry - kKept};
}

/// Joins the chunk with its right neighbour where the two have few entries.
void RegistrationTable::merge_if_small(size_t slot) {
    if (slot + 1 < slots() && count_at(slot) + count_at(slot + 1) <= kMergeUpTo) {
        move_entries(chunk_at(slot), chunk_at(slot + 1), 0);
        drop_chunk(slot + 1);
    }
}

void RegistrationTable::add_chunk(size_t slot, uint64_t begin) {
    ChunkPlace* const directory = table().directory;
    const size_t count = slots();
    for (size_t i = count; i > slot; --i) {
        copy_place(directory[i], directory[i - 1]);
    }
    const uint32_t chunk = free_chunks_.back();
    free_chunks_.pop_back();
    table().chunks[chunk].count.store(0, kRelaxed);
    directory[slot].begin.store(begin, kRelaxed);
    directory[slot].chunk.store(chunk, kRelaxed);
    table().header.chunks.store(static_cast<uint32_t>(count + 1), kRelaxed);
}

void RegistrationTable::drop_chunk(size_t slot) {
    ChunkPlace* const directory = table().directory;
    const size_t count = slots() - 1;
    free_chunks_.push_back(directory[slot].chunk.load(kRelaxed));
    for (size_t i = slot; i < count; ++i) {
        copy_place(directory[i], directory[i + 1]);
    }
    table().header.chunks.store(static_cast<uint32_t>(count), kRelaxed);
}

void RegistrationTable::set_begin(size_t slot) {
    table().directory[slot].begin.store(chunk_at(slot).entries[0].begin.load(kRelaxed), kRelaxed);
}

}  // namespace memfabric::trans
