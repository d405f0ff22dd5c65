// SPDX-License-Identifier: Apache-2.0
// The memory in which a process counts, as other processes of its user read it. Plain numbers: the writer
// goes through std::atomic_ref, readers copy it out with pread(2). All of it begins as zeros and is sparse:
// pages that nobody counts in take no memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "observe/operation.h"

namespace memfabric::observe {

/// Of the memfd: by it processes find each other's counters below /proc.
inline constexpr const char* kBoardName = "memfabric-counters";
inline constexpr uint64_t kBoardMagic = 0x7372'746e'756f'434d;  // "MCountrs"
/// Raised with every change of the layout, of Operation or of Path.
inline constexpr uint32_t kBoardVersion = 2;

inline constexpr size_t kCells = 16384;  // of a shard
/// The first cells, and their words: what has found no room in the table counts there, under the name
/// "other".
inline constexpr uint32_t kSpareCells = 1024;
/// Operations of this size, the most frequent one, may be counted in words apart: one number instead of two.
inline constexpr uint64_t kWordBytes = 8;
inline constexpr size_t kShards = 128;  // threads that count at the same time; more share the first one
inline constexpr size_t kBlocks = 2048;
inline constexpr size_t kErrors = 256;
/// Bucket b holds what took less than 2^b nanoseconds, and not less than half of it; the last one the rest.
inline constexpr size_t kBuckets = 42;

struct Cell {
    uint64_t operations;
    uint64_t bytes;
};

/// Names the cells [first, first + count) of each shard: "LABEL n" with n from `number` on; one cell alone
/// is "LABEL". With words, the next (count + 1) / 2 cells are as many numbers of 8 bytes: for each of the
/// names the operations of kWordBytes bytes that its cell does not count.
struct Block {
    uint32_t first = 0;
    uint32_t count = 0;
    uint32_t number = 0;
    uint8_t is_numbered = 0;
    uint8_t operation = 0;
    uint8_t path = 0;
    uint8_t has_words = 0;
    std::array<char, 112> label = {};  // ends with 0
};

/// Of the block, with its words.
inline constexpr size_t cells_of_block(size_t count, bool has_words) {
    return has_words ? count + (count + 1) / 2 : count;
}

struct ErrorCount {
    std::array<char, 52> where;  // ends with 0
    int32_t code;
    uint64_t count;
};

struct Histogram {
    uint64_t nanoseconds;  // the sum
    std::array<uint64_t, kBuckets> buckets;
};

struct BoardHeader {
    uint64_t magic;  // written last
    uint32_t version;
    uint32_t blocks_used;
    uint32_t cells_used;
    uint32_t shards_used;
    uint32_t errors_used;
    uint32_t unused;
    int64_t pid;       // in the pid namespace of the process
    uint64_t started;  // seconds since 1970
    std::array<char, 64> program;
    std::array<char, 64> host_id;
    std::array<char, 64> metrics;  // where it answers Prometheus; empty: nowhere
    std::array<std::array<Histogram, kPaths>, kOperations> histograms;
    std::array<ErrorCount, kErrors> errors;
    std::array<Block, kBlocks> blocks;
};

struct Board {
    BoardHeader header;
    alignas(4096) std::array<std::array<Cell, kCells>, kShards> shards;
};

inline constexpr size_t kBoardSize = sizeof(Board);

}  // namespace memfabric::observe
