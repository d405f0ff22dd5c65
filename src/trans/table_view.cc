// SPDX-License-Identifier: Apache-2.0
#include "trans/table_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/futex.h"
#include "copy/cpu.h"

namespace memfabric::trans {

using memory::AddressRange;
using namespace table_layout;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
/// How often to look at a table under change before sleeping: a change takes less than this, unless its
/// thread was taken off the processor.
constexpr int kLooks = 200;

Run run_of(const Entry& entry) {
    return {entry.begin.load(kRelaxed), entry.end.load(kRelaxed), entry.segment.load(kRelaxed)};
}

/// How many of the first `count` items begin at or before the address.
template <typename Item>
size_t count_up_to(const Item* items, size_t count, uint64_t address) {
    size_t low = 0;
    for (size_t high = count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (items[middle].begin.load(kRelaxed) <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/// Adds what begins at `begin` to the range's last part where it continues that.
void add_part(std::vector<TableView::Part>& parts, const TableView::Part& part) {
    if (!parts.empty()) {
        TableView::Part& last = parts.back();
        if (last.piece == part.piece && last.segment == part.segment &&
            last.begin + last.size == part.begin) {
            last.size += part.size;
            return;
        }
    }
    parts.push_back(part);
}

}  // namespace

Result<TableView> TableView::open(Fd descriptor) {
    struct stat facts {};
    const int seals = ::fcntl(descriptor.get(), F_GET_SEALS);
    if (::fstat(descriptor.get(), &facts) != 0 || seals < 0 || (seals & F_SEAL_SHRINK) == 0 ||
        static_cast<uint64_t>(facts.st_size) != sizeof(Table)) {
        return failure(Code::kRefused,
                       "what was handed over as a session's table of registered memory has {} bytes and "
                       "seals {:#x}; expected are {} bytes that cannot shrink: do both sides use one "
                       "version of the library?",
                       facts.st_size, seals, sizeof(Table));
    }
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared_read_only(descriptor.get(), sizeof(Table)));
    TableView view(std::move(mapping));
    if (view.table().header.magic.load(std::memory_order_acquire) != kMagic) {
        return Status(Code::kRefused,
                      "what was handed over as a session's table of registered memory is none: do both "
                      "sides use one version of the library?");
    }
    return view;
}

TableView::Outcome TableView::check(std::span<const AddressRange> wanted, std::vector<Part>& parts,
                                    Missing& missing, Deadline deadline) const {
    parts.clear();
    Found found;
    for (size_t i = 0; i < wanted.size(); ++i) {
        const auto piece = static_cast<uint32_t>(i);
        const Outcome outcome = check_one(wanted[i], piece, parts, found, missing.address, deadline);
        if (outcome != Outcome::kCovered) {
            missing.piece = piece;
            return outcome;
        }
    }
    return Outcome::kCovered;
}

bool TableView::is_closed() const {
    return table().header.closed.load(kRelaxed) != 0;
}

TableView::Outcome TableView::check_one(AddressRange wanted, uint32_t piece, std::vector<Part>& parts,
                                        Found& found, uint64_t& missing, Deadline deadline) const {
    const size_t known = parts.size();
    for (;;) {
        const std::optional<uint64_t> sequence = stable_sequence(deadline);
        if (!sequence) {
            return Outcome::kBusy;
        }
        if (is_closed()) {
            return Outcome::kClosed;
        }
        parts.resize(known);
        const bool covered = look_up(wanted, piece, *sequence, parts, found, missing);
        if (!is_torn(*sequence)) {
            return covered ? Outcome::kCovered : Outcome::kMissing;
        }
        found.sequence = 1;
        if (deadline.expired()) {
            return Outcome::kBusy;
        }
    }
}

const Chunk& TableView::chunk_at(size_t slot) const {
    const size_t chunk = table().directory[slot].chunk.load(kRelaxed);
    return table().chunks[std::min(chunk, kMaxChunks - 1)];
}

size_t TableView::slots() const {
    return std::min<size_t>(table().header.chunks.load(kRelaxed), kMaxChunks);
}

bool TableView::look_up(AddressRange wanted, uint32_t piece, uint64_t sequence, std::vector<Part>& parts,
                        Found& found, uint64_t& missing) const {
    uint64_t address = wanted.begin;
    uint64_t left = wanted.size;
    const auto take = [&](const Run& run) {
        const uint64_t size = std::min(left, run.end - address);
        add_part(parts, {piece, address, size, run.segment});
        address += size;
        left -= size;
    };
    if (found.sequence == sequence && found.run.begin <= address && address < found.run.end &&
        left <= found.run.end - address) {
        take(found.run);
        return true;
    }
    missing = address;
    const size_t behind = count_up_to(table().directory, slots(), address);
    if (behind == 0) {
        return false;
    }
    for (size_t slot = behind - 1; slot < slots(); ++slot) {
        const Chunk& chunk = chunk_at(slot);
        const size_t count = std::min<size_t>(chunk.count.load(kRelaxed), kEntriesPerChunk);
        const size_t upto = count_up_to(chunk.entries, count, address);
        for (size_t entry = std::max<size_t>(upto, 1) - 1; entry < count; ++entry) {
            const Run run = run_of(chunk.entries[entry]);
            missing = address;
            if (run.begin > address || run.end <= address) {
                return false;
            }
            take(run);
            if (left == 0) {
                found = {sequence, run};
                return true;
            }
        }
        missing = address;
        if (is_torn(sequence)) {
            return false;
        }
    }
    return false;
}

bool TableView::is_torn(uint64_t sequence) const {
    std::atomic_thread_fence(std::memory_order_acquire);
    return table().header.sequence.load(kRelaxed) != sequence;
}

std::optional<uint64_t> TableView::stable_sequence(Deadline deadline) const {
    for (int look = 0;; ++look) {
        // Before the sequence: the generation of a change that is under way is the one to sleep on.
        const uint32_t seen = generation();
        const uint64_t sequence = table().header.sequence.load(std::memory_order_acquire);
        if (sequence % 2 == 0) {
            return sequence;
        }
        if (look < kLooks) {
            copy::relax();
        } else if (!futex_wait(table().header.generation, seen, deadline)) {
            return std::nullopt;
        }
    }
}

uint32_t TableView::generation() const {
    return table().header.generation.load(std::memory_order_acquire);
}

void TableView::wait_change(uint32_t seen, Deadline deadline) const {
    while (generation() == seen && futex_wait(table().header.generation, seen, deadline)) {
    }
}

std::optional<AddressRange> TableView::segment(uint32_t number) const {
    if (number == 0 || number >= kMaxSegments) {
        return std::nullopt;
    }
    const Segment& segment = table().segments[number];
    const AddressRange range{segment.base.load(kRelaxed), segment.size.load(kRelaxed)};
    return range.size == 0 ? std::nullopt : std::optional(range);
}

}  // namespace memfabric::trans
