// SPDX-License-Identifier: Apache-2.0
// Why a copy is refused: what the quick checks of big_memory_copy.cc have not let pass, looked at again.
#include "bm/big_memory.h"

namespace memfabric::bm {

using memory::AddressRange;

Status BigMemory::check_slowly(uint64_t source, uint64_t source_size, uint64_t destination,
                               uint64_t destination_size, Direction direction) const {
    const AddressRange range = window().range();
    if (direction == Direction::kAutomatic && !range.contains(source, source_size) &&
        !range.contains(destination, destination_size)) {
        return failure(Code::kInvalidParam,
                       "copying in BM {}: neither source {:#x} nor destination {:#x} ({} bytes) lies in the "
                       "window {:#x} to {:#x}",
                       id_, source, destination, source_size, range.begin, range.end());
    }
    MF_RETURN_IF_ERROR(check_side("source", source_is_global(direction), source, source_size, direction));
    return check_side("destination", destination_is_global(direction), destination, destination_size,
                      direction);
}

Status BigMemory::check_side(const char* side, bool global, uint64_t begin, uint64_t size,
                             Direction direction) const {
    const AddressRange range = window().range();
    if (begin - range.begin < range.size) {
        if (!range.contains(begin, size)) {
            return failure(Code::kInvalidParam,
                           "copying in BM {}: the {} {:#x} + {} bytes ends beyond the window {:#x} to {:#x}",
                           id_, side, begin, size, range.begin, range.end());
        }
        return check_members(side, begin, size);
    }
    if (begin == 0) {
        return failure(Code::kInvalidParam, "copying in BM {}: the {} is null", id_, side);
    }
    if (global) {
        return failure(Code::kInvalidParam,
                       "copying {} in BM {}: the {} {:#x} + {} bytes lies outside the window {:#x} to {:#x}",
                       name_of(direction), id_, side, begin, size, range.begin, range.end());
    }
    return check_foreign(side, begin, size);
}

/// An address of another object is ordinary memory where its ranks are on this host.
Status BigMemory::check_foreign(const char* side, uint64_t begin, uint64_t size) const {
    if (begin - foreign_.begin >= foreign_.size) {
        return {};
    }
    return world_->runtime()
        ->check_mapped(begin, size)
        .with_context(fmt::format("copying in BM {}: the {}", id_, side));
}

Status BigMemory::check_members(const char* side, uint64_t begin, uint64_t size) const {
    const uint32_t last = window().rank_of(begin + size - 1);
    for (uint32_t rank = window().rank_of(begin); rank <= last; ++rank) {
        if (is_present(rank)) {
            continue;
        }
        // Whoever told the caller of a rank of another host may have been quicker than the store.
        if (remote_) {
            MF_RETURN_IF_ERROR(remote_->catch_up(Deadline::after(control_timeout())));
        }
        if (!is_present(rank)) {
            return describe_absent(side, rank, begin, size);
        }
    }
    return {};
}

Status BigMemory::check_mapped(const char* what, uint64_t begin, uint64_t size) const {
    const uint32_t last = window().rank_of(begin + (size == 0 ? 0 : size - 1));
    for (uint32_t rank = window().rank_of(begin); remote_ && rank <= last; ++rank) {
        if (rank == rank_ || segment_.is_member(rank)) {
            continue;
        }
        // Where nothing is known of the rank, the store may have been slower than whoever told the caller of
        // it.
        if (remote_->epoch(rank) == 0) {
            MF_RETURN_IF_ERROR(remote_->catch_up(Deadline::after(control_timeout())));
        }
        if (segment_.is_member(rank)) {
            continue;
        }
        return remote_->epoch(rank) != 0
                   ? failure(
                         Code::kNotSupported,
                         "{} BM {}: {:#x} + {} bytes touches rank {} on another host than '{}': its memory "
                         "is not mapped here; reach it by copy",
                         what, id_, begin, size, rank, world_->runtime()->host_id())
                   : failure(Code::kPeerLost,
                             "{} BM {}: {:#x} + {} bytes touches rank {}, which has not joined, has left or "
                             "is lost, and may come from another host: wait for it, or reach it by copy",
                             what, id_, begin, size, rank);
    }
    return {};
}

Status BigMemory::describe_absent(const char* side, uint32_t rank, uint64_t begin, uint64_t size) const {
    const std::lock_guard lock(members_mutex_);
    const auto known = members_.find(rank);
    Runtime& runtime = *world_->runtime();
    // Between its join and the entry among the remote members, and on its way out, a rank is not there yet,
    // or no more, for other hosts.
    if (known != members_.end() && !(remote_ && known->second.reaches_hosts) &&
        runtime.mapped().reach({rank, known->second.host}) == transport::Reach::kNone) {
        return failure(
            Code::kNotSupported,
            "copying in BM {}: the {} {:#x} + {} bytes touches rank {} on host '{}', which cannot "
            "be reached from host '{}': MF_FABRIC is off, or libfabric does not work, on one of them",
            id_, side, begin, size, rank, known->second.host, runtime.host_id());
    }
    return failure(Code::kPeerLost,
                   "copying in BM {}: the {} {:#x} + {} bytes touches rank {}, which has not joined, has "
                   "left or is lost",
                   id_, side, begin, size, rank);
}

}  // namespace memfabric::bm
