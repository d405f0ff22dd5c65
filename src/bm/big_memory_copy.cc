// SPDX-License-Identifier: Apache-2.0
// The data operations of BigMemory: every range is checked, then copied directly, since a same-host GVA is a
// pointer.
#include <utility>
#include <vector>

#include "bm/big_memory.h"

namespace memfabric::bm {

using memory::AddressRange;
namespace {

std::byte* pointer(uint64_t address) {
    return reinterpret_cast<std::byte*>(address);
}

uint64_t address(const void* place) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace

Status BigMemory::check_joined() const {
    if (joined_.load(std::memory_order_relaxed)) [[likely]] {
        return {};
    }
    return failure(Code::kNotStarted, "copying in BM {}: rank {} has not joined; call join first", id_,
                   world_->rank());
}

/// A side that is said to be global must lie in the window. One that is not may, and then its ranks must be
/// there all the same: their memory may be gone or on another host.
inline bool BigMemory::side_is_fine(bool global, uint64_t begin, uint64_t size) const {
    const AddressRange range = layout_.range();
    if (begin - range.begin >= range.size) {
        return !global && begin != 0;
    }
    if (size > range.size || begin - range.begin > range.size - size) {
        return false;
    }
    const uint32_t last = layout_.rank_of(begin + size - 1);
    for (uint32_t rank = layout_.rank_of(begin); rank <= last; ++rank) {
        if (!segment_.is_member(rank)) {
            return false;
        }
    }
    return true;
}

inline bool BigMemory::is_fine(uint64_t source, uint64_t source_size, uint64_t destination,
                               uint64_t destination_size, Direction direction) const {
    return direction != Direction::kAutomatic &&
           side_is_fine(source_is_global(direction), source, source_size) &&
           side_is_fine(destination_is_global(direction), destination, destination_size);
}

/// The quick answer is yes; everything else is found out again, with its reason.
inline Status BigMemory::check(uint64_t source, uint64_t source_size, uint64_t destination,
                               uint64_t destination_size, Direction direction) const {
    if (is_fine(source, source_size, destination, destination_size, direction)) [[likely]] {
        return {};
    }
    return check_slowly(source, source_size, destination, destination_size, direction);
}

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
    return {};
}

Status BigMemory::check_members(const char* side, uint64_t begin, uint64_t size) const {
    const uint32_t last = window().rank_of(begin + size - 1);
    for (uint32_t rank = window().rank_of(begin); rank <= last; ++rank) {
        if (!segment_.is_member(rank)) {
            return describe_absent(side, rank, begin, size);
        }
    }
    return {};
}

Status BigMemory::describe_absent(const char* side, uint32_t rank, uint64_t begin, uint64_t size) const {
    const std::lock_guard lock(members_mutex_);
    const auto known = members_.find(rank);
    if (known != members_.end() && known->second != world_->runtime()->host_id()) {
        return failure(Code::kNotSupported,
                       "copying in BM {}: the {} {:#x} + {} bytes touches rank {} on host '{}', which this "
                       "version cannot reach from host '{}'",
                       id_, side, begin, size, rank, known->second, world_->runtime()->host_id());
    }
    return failure(Code::kPeerLost,
                   "copying in BM {}: the {} {:#x} + {} bytes touches rank {}, which has not joined, has "
                   "left or is lost",
                   id_, side, begin, size, rank);
}

Status BigMemory::copy(const void* source, void* destination, size_t size, Direction direction,
                       CopyOptions options) {
    const bool fine = joined_.load(std::memory_order_relaxed) && size > 0 && !options.asynchronous &&
                      is_fine(address(source), size, address(destination), size, direction);
    if (!fine) [[unlikely]] {
        return copy_slowly({source, destination, size}, direction, options);
    }
    engine_.copy(static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size,
                 options.temperature);
    return {};
}

/// Whatever is not the common case, apart from it so that it costs that one no registers.
__attribute__((noinline, cold)) Status BigMemory::copy_slowly(const CopyRequest& request, Direction direction,
                                                              CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    const uint64_t source = address(request.source);
    const uint64_t destination = address(request.destination);
    if (request.size == 0) {
        return failure(Code::kInvalidParam, "copying in BM {}: the size is 0", id_);
    }
    MF_RETURN_IF_ERROR(check(source, request.size, destination, request.size, direction));
    if (options.asynchronous) {
        queue_.submit([this, request, direction, options] {
            const Pin pin(this);
            return copy_slowly(request, direction, {options.temperature, false});
        });
        return {};
    }
    engine_.copy(pointer(destination), pointer(source), request.size, options.temperature);
    return {};
}

Status BigMemory::copy_rows(const RowsRequest& request, Direction direction, CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    const uint64_t source = address(request.source);
    const uint64_t destination = address(request.destination);
    MF_ASSIGN_OR_RETURN(const uint64_t source_extent,
                        extent_of_rows(request.source_pitch, request.width, request.height));
    MF_ASSIGN_OR_RETURN(const uint64_t destination_extent,
                        extent_of_rows(request.destination_pitch, request.width, request.height));
    MF_RETURN_IF_ERROR(check(source, source_extent, destination, destination_extent, direction));
    if (options.asynchronous) {
        queue_.submit([this, request, direction, options] {
            const Pin pin(this);
            return copy_rows(request, direction, {options.temperature, false});
        });
        return {};
    }
    engine_.copy_rows({pointer(destination), request.destination_pitch, pointer(source), request.source_pitch,
                       request.width, request.height},
                      options.temperature);
    return {};
}

Status BigMemory::copy_batch(std::span<const copy::Piece> pieces, Direction direction, CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    for (size_t i = 0; i < pieces.size(); ++i) {
        const copy::Piece& piece = pieces[i];
        Status status = piece.size == 0 ? failure(Code::kInvalidParam, "copying in BM {}: the size is 0", id_)
                                        : check(address(piece.source), piece.size, address(piece.destination),
                                                piece.size, direction);
        if (!status.is_ok()) {
            return status.with_context(fmt::format("piece {} of {}", i, pieces.size()));
        }
    }
    if (options.asynchronous) {
        queue_.submit(
            [this, kept = std::vector<copy::Piece>(pieces.begin(), pieces.end()), direction, options] {
                const Pin pin(this);
                return copy_batch(kept, direction, {options.temperature, false});
            });
        return {};
    }
    engine_.copy_batch(pieces, options.temperature);
    return {};
}

}  // namespace memfabric::bm
