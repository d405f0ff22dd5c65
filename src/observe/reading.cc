// SPDX-License-Identifier: Apache-2.0
#include "observe/reading.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <span>

#include "observe/writer.h"

namespace memfabric::observe {
namespace {

/// Copies a part of the board out.
using Source = std::function<bool(size_t offset, std::span<std::byte> place)>;

template <size_t kSize>
std::string text_of(const std::array<char, kSize>& place) {
    return {place.data(), ::strnlen(place.data(), kSize)};
}

Source source_of(int descriptor) {
    return [descriptor](size_t offset, std::span<std::byte> place) {
        while (!place.empty()) {
            const ssize_t got = ::pread(descriptor, place.data(), place.size(), static_cast<off_t>(offset));
            if (got <= 0 && !(got < 0 && errno == EINTR)) {
                return false;
            }
            offset += got > 0 ? static_cast<size_t>(got) : 0;
            place = place.subspan(got > 0 ? static_cast<size_t>(got) : 0);
        }
        return true;
    };
}

/// The sums of a block's cells, and of its words, over all threads.
bool add_cells(const Source& source, uint32_t shards, const Block& block, std::span<Cell> sums) {
    std::vector<Cell> cells(block.count);
    std::vector<uint64_t> words(block.has_words != 0 ? block.count : 0);
    for (uint32_t shard = 0; shard < shards; ++shard) {
        const size_t offset = offsetof(Board, shards) + (size_t{shard} * kCells + block.first) * sizeof(Cell);
        if (!source(offset, std::as_writable_bytes(std::span(cells))) ||
            !source(offset + block.count * sizeof(Cell), std::as_writable_bytes(std::span(words)))) {
            return false;
        }
        for (uint32_t i = 0; i < block.count; ++i) {
            sums[i].operations += cells[i].operations;
            sums[i].bytes += cells[i].bytes;
        }
        for (uint32_t i = 0; i < words.size(); ++i) {
            sums[i].operations += words[i];
            sums[i].bytes += words[i] * kWordBytes;
        }
    }
    return true;
}

size_t cells_of(const Block& block) {
    return cells_of_block(block.count, block.has_words != 0);
}

bool is_sound(const Block& block) {
    return block.first <= kCells && cells_of(block) <= kCells - block.first &&
           block.operation < kOperations && block.path < kPaths;
}

/// Blocks do not overlap: whoever wrote that they do is not to keep us busy.
bool are_sound(std::span<const Block> blocks) {
    size_t cells = 0;
    for (const Block& block : blocks) {
        cells += is_sound(block) ? cells_of(block) : kCells + 1;
    }
    return cells <= kCells;
}

Status read_counts(const Source& source, const BoardHeader& header, Reading& reading) {
    const auto blocks = std::span(header.blocks).first(std::min<size_t>(header.blocks_used, kBlocks));
    const uint32_t shards = std::min<uint32_t>(header.shards_used, kShards);
    if (!are_sound(blocks)) {
        return failure(Code::kError, "the counters make no sense");
    }
    std::vector<Cell> sums;
    for (const Block& block : blocks) {
        sums.assign(block.count, {});
        if (!add_cells(source, shards, block, sums)) {
            return failure(Code::kError, "the counters cannot be read");
        }
        const std::string label = text_of(block.label);
        std::span<const Cell> shown(sums);
        if (block.is_numbered == 0) {
            // One cell, or the spare ones, whose peers nobody knows apart.
            for (size_t i = 1; i < sums.size(); ++i) {
                sums[0].operations += sums[i].operations;
                sums[0].bytes += sums[i].bytes;
            }
            shown = shown.first(std::min<size_t>(sums.size(), 1));
        }
        for (size_t i = 0; i < shown.size(); ++i) {
            if (shown[i].operations != 0) {
                const uint64_t number = uint64_t{block.number} + i;
                reading.counts.push_back(
                    {static_cast<Operation>(block.operation), static_cast<Path>(block.path),
                     block.is_numbered != 0 ? fmt::format("{} {}", label, number) : label,
                     shown[i].operations, shown[i].bytes});
            }
        }
    }
    return {};
}

void read_times(const BoardHeader& header, Reading& reading) {
    for (size_t operation = 0; operation < kOperations; ++operation) {
        for (size_t path = 0; path < kPaths; ++path) {
            const Histogram& histogram = header.histograms.at(operation).at(path);
            Reading::Time time{static_cast<Operation>(operation),
                               static_cast<Path>(path),
                               histogram.nanoseconds,
                               {histogram.buckets.begin(), histogram.buckets.end()}};
            if (time.measured() != 0) {
                reading.times.push_back(std::move(time));
            }
        }
    }
}

Result<Reading> read_from(const Source& source) {
    const auto header = std::make_unique<BoardHeader>();
    if (!source(0, std::as_writable_bytes(std::span(header.get(), 1)))) {
        return failure(Code::kError, "the counters cannot be read");
    }
    if (header->magic != kBoardMagic || header->version != kBoardVersion) {
        return failure(Code::kNotSupported, "these counters are of another build of the library");
    }
    Reading reading;
    reading.pid = header->pid;
    reading.started = header->started;
    reading.program = text_of(header->program);
    reading.host_id = text_of(header->host_id);
    reading.metrics = text_of(header->metrics);
    MF_RETURN_IF_ERROR(read_counts(source, *header, reading));
    read_times(*header, reading);
    for (const ErrorCount& error : header->errors) {
        if (error.count != 0) {
            reading.errors.push_back({text_of(error.where), error.code, error.count});
        }
    }
    return reading;
}

}  // namespace

uint64_t Reading::Time::measured() const {
    return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
}

uint64_t Reading::Time::quantile(double part) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(part * static_cast<double>(measured())));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
        seen += buckets[bucket];
        if (seen >= wanted && seen != 0) {
            return uint64_t{1} << bucket;
        }
    }
    return 0;
}

Result<Reading> read_board(int descriptor) {
    return read_from(source_of(descriptor));
}

Result<Reading> read_own_board() {
    if (own_board_descriptor() >= 0) {
        return read_board(own_board_descriptor());
    }
    const auto* const board = reinterpret_cast<const std::byte*>(&own_board());
    return read_from([board](size_t offset, std::span<std::byte> place) {
        std::memcpy(place.data(), board + offset, place.size());
        return true;
    });
}

}  // namespace memfabric::observe
