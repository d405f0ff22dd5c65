// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace memfabric::trans {

/// The registration table as it lies in shared memory: its owner writes it, every peer reads it, nobody waits
/// for the other. Sorted ranges in chunks of one page, and a sorted directory of the chunks; the directory
/// and the chunks grow page by page. Readers trust no index in it.
namespace table_layout {

inline constexpr uint64_t kMagic = 0x3130454c4254464d;  // "MFTBLE01"
inline constexpr size_t kPage = 4096;
inline constexpr size_t kEntriesPerChunk = 170;
inline constexpr size_t kMaxChunks = 16384;
inline constexpr size_t kMaxSegments = 4096;
/// Neighbours with no more entries than this between them become one chunk, so chunks hold more than half as
/// many on average, and kMaxChunks of them at least a million.
inline constexpr size_t kMergeUpTo = 128;

struct Header {
    std::atomic<uint64_t> magic;
    std::atomic<uint64_t> sequence;    // odd while the owner changes anything
    std::atomic<uint32_t> generation;  // changes after every change; a futex
    std::atomic<uint32_t> closed;      // 1: the owner offers nothing any more
    std::atomic<uint32_t> chunks;      // in the directory
    std::byte rest[kPage - 28];
};

/// Memory of the library, in which peers reach registered ranges by offset. Size 0: unused.
struct Segment {
    std::atomic<uint64_t> base;  // the owner's address of it
    std::atomic<uint64_t> size;
};

struct ChunkPlace {
    std::atomic<uint64_t> begin;  // of the chunk's first entry
    std::atomic<uint32_t> chunk;
    uint32_t unused;
};

struct Entry {
    std::atomic<uint64_t> begin;
    std::atomic<uint64_t> end;
    std::atomic<uint32_t> segment;  // 0: private memory of the owner
    uint32_t unused;
};

struct Chunk {
    std::atomic<uint32_t> count;
    uint32_t unused[3];
    Entry entries[kEntriesPerChunk];
};

struct Table {
    Header header;
    Segment segments[kMaxSegments];
    ChunkPlace directory[kMaxChunks];
    Chunk chunks[kMaxChunks];
};

static_assert(sizeof(Header) == kPage && sizeof(Chunk) == kPage);
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

}  // namespace table_layout
}  // namespace memfabric::trans
