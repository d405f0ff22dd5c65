// SPDX-License-Identifier: Apache-2.0
#include "trans/registration_table.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/futex.h"
#include "base/log.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace memfabric::trans {

using namespace table_layout;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kFirstChunks = 4;   // pages taken at first
constexpr size_t kMostChunks = 256;  // and at most at a time
constexpr size_t kHalf = kEntriesPerChunk / 2;

/// Nobody who gets the descriptor can write by it: by a seal, or, on kernels before 5.1, since it is another
/// one, open for reading only, which is returned then.
Result<Fd> close_to_writers(const Fd& descriptor) {
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    Fd readable;
    if (::fcntl(descriptor.get(), F_ADD_SEALS, kSeals | F_SEAL_FUTURE_WRITE) == 0) {
        return readable;
    }
    const std::string path = fmt::format("/proc/self/fd/{}", descriptor.get());
    readable = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!readable.is_open() || ::fcntl(descriptor.get(), F_ADD_SEALS, kSeals) != 0) {
        return failure(Code::kMallocFailed, "closing a registration table to writers failed ({})",
                       errno_text(errno));
    }
    return readable;
}

}  // namespace

Result<RegistrationTable> RegistrationTable::create(const std::string& name) {
    Fd descriptor(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!descriptor.is_open() || ::ftruncate(descriptor.get(), sizeof(Table)) != 0) {
        return failure(Code::kMallocFailed, "making a registration table of {} bytes failed ({})",
                       sizeof(Table), errno_text(errno));
    }
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(descriptor.get(), sizeof(Table)));
    MF_ASSIGN_OR_RETURN(Fd readable, close_to_writers(descriptor));
    RegistrationTable made(std::move(descriptor), std::move(readable), std::move(mapping));
    MF_RETURN_IF_ERROR(made.commit(0, sizeof(Header)));
    made.table().header.magic.store(kMagic, std::memory_order_release);
    return made;
}

/// Takes pages before they are written: no memory is a failure then, and not a SIGBUS.
Status RegistrationTable::commit(size_t offset, size_t size) const {
    while (::fallocate(descriptor_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0) {
        if (errno != EINTR) {
            return failure(Code::kMallocFailed,
                           "taking {} bytes for the table of registered memory failed ({})", size,
                           errno_text(errno));
        }
    }
    return {};
}

Chunk& RegistrationTable::chunk_at(size_t slot) const {
    return table().chunks[table().directory[slot].chunk.load(kRelaxed)];
}

size_t RegistrationTable::count_at(size_t slot) const {
    return chunk_at(slot).count.load(kRelaxed);
}

size_t RegistrationTable::slots() const {
    return table().header.chunks.load(kRelaxed);
}

RegistrationTable::Place RegistrationTable::place_of(uint64_t begin) const {
    const ChunkPlace* const first = table().directory;
    const ChunkPlace* const behind = std::upper_bound(
        first, first + slots(), begin,
        [](uint64_t key, const ChunkPlace& place) { return key < place.begin.load(kRelaxed); });
    const size_t slot = behind == first ? 0 : static_cast<size_t>(behind - first) - 1;
    if (slots() == 0) {
        return {};
    }
    const Chunk& chunk = chunk_at(slot);
    const Entry* const entry =
        std::lower_bound(chunk.entries, chunk.entries + count_at(slot), begin,
                         [](const Entry& there, uint64_t key) { return there.begin.load(kRelaxed) < key; });
    return {slot, static_cast<size_t>(entry - chunk.entries)};
}

bool RegistrationTable::contains(const Run& run) const {
    const Place place = place_of(run.begin);
    if (slots() == 0 || place.entry == count_at(place.slot)) {
        return false;
    }
    const Entry& entry = chunk_at(place.slot).entries[place.entry];
    return entry.begin.load(kRelaxed) == run.begin && entry.end.load(kRelaxed) == run.end;
}

/// Sees to it that `additions` insertions find room, wherever they go.
Status RegistrationTable::reserve(size_t additions) {
    // A chunk splits when it is full and gets one more; its halves only after as many more as they lack.
    const size_t splits = std::min(additions, slots() + additions / kHalf + 1);
    const size_t wanted = splits > free_chunks_.size() ? splits - free_chunks_.size() : 0;
    if (slots() + splits > kMaxChunks || committed_chunks_ + wanted > kMaxChunks) {
        return failure(Code::kResourceInUse,
                       "the table of registered memory is full: it holds {} ranges, {} more may not fit",
                       size_, additions);
    }
    if (wanted > 0) {
        const size_t step = std::min(
            {std::max(committed_chunks_, kFirstChunks), kMostChunks, kMaxChunks - committed_chunks_});
        const size_t taken = std::max(wanted, step);
        MF_RETURN_IF_ERROR(
            commit(offsetof(Table, chunks) + committed_chunks_ * sizeof(Chunk), taken * sizeof(Chunk)));
        for (size_t i = taken; i-- > 0;) {
            free_chunks_.push_back(static_cast<uint32_t>(committed_chunks_ + i));
        }
        committed_chunks_ += taken;
        free_chunks_.reserve(committed_chunks_);  // giving one back must not fail
    }
    const size_t directory = (slots() + splits) * sizeof(ChunkPlace);
    if (directory > committed_directory_) {
        const size_t rounded = (directory + kPage - 1) / kPage * kPage;
        MF_RETURN_IF_ERROR(commit(offsetof(Table, directory), rounded));
        committed_directory_ = rounded;
    }
    return {};
}

Status RegistrationTable::apply(std::span<const Run> removed, std::span<const Run> added) {
    for (const Run& run : removed) {
        if (!contains(run)) {
            return failure(Code::kObjectNotExists,
                           "the table of registered memory has no range {:#x} to {:#x}", run.begin, run.end);
        }
    }
    MF_RETURN_IF_ERROR(reserve(added.size()));
    begin_change();
    for (const Run& run : removed) {
        erase(run);
    }
    for (const Run& run : added) {
        insert(run);
    }
    end_change();
    return {};
}

void RegistrationTable::begin_change() {
    std::atomic<uint64_t>& sequence = table().header.sequence;
    sequence.store(sequence.load(kRelaxed) + 1, kRelaxed);
    std::atomic_thread_fence(std::memory_order_release);
}

/// In this order: who sees the new generation finds the table at rest, and who sleeps on the old one is
/// woken after it is.
void RegistrationTable::end_change() {
    Header& header = table().header;
    header.sequence.store(header.sequence.load(kRelaxed) + 1, std::memory_order_release);
    header.generation.fetch_add(1, std::memory_order_release);
    futex_wake_all(header.generation);
}

Status RegistrationTable::put_segment(uint32_t number, uint64_t base, uint64_t size) {
    if (number == 0 || number >= kMaxSegments || size == 0) {
        return failure(Code::kInvalidParam,
                       "segment {} of {} bytes: 1 to {} and at least one byte are possible", number, size,
                       kMaxSegments - 1);
    }
    MF_RETURN_IF_ERROR(commit(offsetof(Table, segments) + number * sizeof(Segment), sizeof(Segment)));
    begin_change();
    table().segments[number].base.store(base, kRelaxed);
    table().segments[number].size.store(size, kRelaxed);
    end_change();
    return {};
}

void RegistrationTable::drop_segment(uint32_t number) {
    if (number == 0 || number >= kMaxSegments) {
        return;
    }
    begin_change();
    table().segments[number].size.store(0, kRelaxed);
    end_change();
}

void RegistrationTable::close() {
    begin_change();
    table().header.closed.store(1, kRelaxed);
    end_change();
}

}  // namespace memfabric::trans
