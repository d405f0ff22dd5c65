// SPDX-License-Identifier: Apache-2.0
// The data operations of BigMemory: every range is checked, then copied directly, since a same-host GVA is a
// pointer.
#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "bm/big_memory.h"

namespace memfabric::bm {

using memory::AddressRange;
namespace {

/// Mixes epochs so that two different memberships are as good as never taken for one.
constexpr uint64_t kOddFactor = 0x9e37'79b9'7f4a'7c15;

/// Smaller copies are over before anybody could have left, but for a process that is stopped in just that
/// instant.
constexpr size_t kWatchedFrom = 4096;

uint64_t total_size(std::span<const copy::Piece> pieces) {
    return std::accumulate(pieces.begin(), pieces.end(), uint64_t{0},
                           [](uint64_t sum, const copy::Piece& piece) { return sum + piece.size; });
}

std::byte* pointer(uint64_t address) {
    return reinterpret_cast<std::byte*>(address);
}

uint64_t address(const void* place) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace

Status BigMemory::check_joined() const {
    if (is_joined() && !is_given_up()) [[likely]] {
        return {};
    }
    if (epoch_.load(std::memory_order_relaxed) != 0) {
        return evicted("copying in");
    }
    return failure(Code::kNotStarted, "copying in BM {}: rank {} has not joined; call join first", id_,
                   world_->rank());
}

/// A side that is said to be global must lie in the window. One that is not may, and then its ranks must be
/// there all the same: their memory may be gone or on another host.
inline bool BigMemory::side_is_fine(bool global, uint64_t begin, uint64_t size) const {
    const AddressRange range = layout_.range();
    if (begin - range.begin >= range.size) {
        return !global && begin != 0 && begin - foreign_.begin >= foreign_.size;
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

bool BigMemory::is_present(uint32_t rank) const {
    return segment_.is_member(rank) || (remote_ && remote_->epoch(rank) != 0);
}

/// Null where all members are on this host.
std::shared_ptr<const RemoteTable> BigMemory::remote_table() const {
    return remote_ && remote_->any() ? remote_->table() : nullptr;
}

bool BigMemory::is_remote(const RemoteTable& table, const void* place, uint64_t size) const {
    return WindowCopy::is_remote(layout_, table, address(place), size);
}

WindowCopy BigMemory::remote_copy(std::shared_ptr<const RemoteTable> table, CopyOptions options,
                                  Deadline deadline) const {
    return WindowCopy(
        {layout_, std::move(table), remote_->transport(), engine_, options.temperature, deadline});
}

/// An operation belongs to the membership in which it was queued.
void BigMemory::submit(std::function<Status()> operation) {
    queue_.submit([this, epoch = epoch_.load(), operation = std::move(operation)] {
        const Pin pin(this);
        if (epoch_.load() != epoch) {
            return failure(Code::kNotStarted, "an asynchronous copy in BM {} had not begun when rank {} left",
                           id_, rank_);
        }
        return operation();
    });
}

/// Changes whenever one of the ranks behind the range leaves, is lost, or has a successor; those on other
/// hosts as the table, which may be null, knows them.
uint64_t BigMemory::membership_of(uint64_t begin, uint64_t size, const RemoteTable* table) const {
    if (size == 0 || !layout_.range().contains(begin, size)) {
        return 0;
    }
    uint64_t membership = 0;
    const uint32_t last = layout_.rank_of(begin + size - 1);
    for (uint32_t rank = layout_.rank_of(begin); rank <= last; ++rank) {
        uint64_t epoch = segment_.epoch(rank);
        if (epoch == 0 && table != nullptr && (*table)[rank]) {
            epoch = (*table)[rank]->epoch;
        }
        membership = membership * kOddFactor + epoch;
    }
    return membership;
}

/// Checks, and runs an operation that takes long enough for a member to go meanwhile: its memory is given
/// back, so the bytes are nowhere, and the copy has not succeeded.
template <typename Membership, typename Check, typename Operation>
Status BigMemory::run_watched(const Membership& membership, const Check& check_all,
                              const Operation& operation) const {
    const Deadline deadline = Deadline::after(control_timeout());
    std::shared_ptr<const RemoteTable> table;
    uint64_t before = 0;
    for (;;) {
        // The check may learn of members; what it looked at is what the copy goes by.
        do {
            table = remote_table();
            before = membership(table.get());
            MF_RETURN_IF_ERROR(check_all());
        } while (table != remote_table());
        const Status done = operation(table, deadline);
        if (done.is_ok()) {
            break;
        }
        // What was known of a rank that went and came again may have been of before.
        const bool went = done.code() == Code::kPeerLost || done.code() == Code::kRefused;
        const auto has_changed = [&] { return membership(remote_table().get()) != before; };
        if (went && remote_ && !has_changed()) {
            static_cast<void>(remote_->catch_up(deadline));
        }
        const bool changed = has_changed();
        if (changed) {
            MF_RETURN_IF_ERROR(check_all());  // who went explains it better
        }
        if (!went || !changed || deadline.expired()) {
            return done.with_context(fmt::format("copying in BM {}", id_));
        }
    }
    // What other hosts' ranks have answered has been done, whether they are still there or not.
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the bytes before the second look
    if (membership(table.get()) == before) [[likely]] {
        return {};
    }
    MF_RETURN_IF_ERROR(check_all());
    return failure(Code::kPeerLost,
                   "copying in BM {}: a rank that the copy touches left, and joined anew, meanwhile", id_);
}

Status BigMemory::copy(const void* source, void* destination, size_t size, Direction direction,
                       CopyOptions options) {
    const bool fine = is_joined() && size > 0 && !options.asynchronous &&
                      is_fine(address(source), size, address(destination), size, direction);
    if (!fine || size >= kWatchedFrom) [[unlikely]] {
        return copy_slowly({source, destination, size}, direction, options);
    }
    if (observe::count(counters_.mapped(address(source), address(destination)).cell, size)) [[unlikely]] {
        copy_measured({source, destination, size}, options);
        return {};
    }
    engine_.copy(static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size,
                 options.temperature);
    return {};
}

/// One of those that were counted already and whose time is taken.
__attribute__((noinline)) void BigMemory::copy_measured(const CopyRequest& request,
                                                        CopyOptions options) const {
    const auto begun = observe::Timed::Clock::now();
    engine_.copy(static_cast<std::byte*>(request.destination), static_cast<const std::byte*>(request.source),
                 request.size, options.temperature);
    observe::record_time(counters_.mapped(address(request.source), address(request.destination)).operation,
                         observe::Path::kMapped, observe::Timed::Clock::now() - begun);
}

/// Whatever is not small and common, apart from that so that it costs it no registers.
__attribute__((noinline)) Status BigMemory::copy_slowly(const CopyRequest& request, Direction direction,
                                                        CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    const uint64_t source = address(request.source);
    const uint64_t destination = address(request.destination);
    if (request.size == 0) {
        return failure(Code::kInvalidParam, "copying in BM {}: the size is 0", id_);
    }
    const auto check_all = [&] { return check(source, request.size, destination, request.size, direction); };
    if (options.asynchronous) {
        MF_RETURN_IF_ERROR(check_all());
        submit([this, request, direction, options] {
            return copy_slowly(request, direction, {options.temperature, false});
        });
        return {};
    }
    return run_watched(
        [&](const RemoteTable* table) {
            return membership_of(source, request.size, table) ^
                   ~membership_of(destination, request.size, table);
        },
        check_all,
        [&](const std::shared_ptr<const RemoteTable>& table, Deadline deadline) {
            const observe::Timed timed(counters_.of(source, destination, table.get()), request.size);
            if (table && (is_remote(*table, request.source, request.size) ||
                          is_remote(*table, request.destination, request.size))) {
                const copy::Piece piece{pointer(destination), pointer(source), request.size};
                MF_RETURN_IF_ERROR(remote_copy(table, options, deadline).copy_pieces({&piece, 1}));
            } else {
                engine_.copy(pointer(destination), pointer(source), request.size, options.temperature);
            }
            timed.done([&] {
                return fmt::format("BM {}: {} bytes from {:#x} to {:#x}", id_, request.size, source,
                                   destination);
            });
            return Status();
        });
}

Status BigMemory::copy_rows(const RowsRequest& request, Direction direction, CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    const uint64_t source = address(request.source);
    const uint64_t destination = address(request.destination);
    const Result<uint64_t> source_extent =
        extent_of_rows(request.source_pitch, request.width, request.height);
    const Result<uint64_t> destination_extent =
        extent_of_rows(request.destination_pitch, request.width, request.height);
    if (!source_extent.is_ok() || !destination_extent.is_ok()) {
        const Status& bad = source_extent.is_ok() ? destination_extent.status() : source_extent.status();
        return bad.with_context(fmt::format("copying rows in BM {}", id_));
    }
    const auto check_all = [&] {
        return check(source, *source_extent, destination, *destination_extent, direction);
    };
    if (options.asynchronous) {
        MF_RETURN_IF_ERROR(check_all());
        submit([this, request, direction, options] {
            return copy_rows(request, direction, {options.temperature, false});
        });
        return {};
    }
    const copy::Rows rows{pointer(destination), request.destination_pitch,
                          pointer(source),      request.source_pitch,
                          request.width,        request.height};
    return run_watched(
        [&](const RemoteTable* table) {
            return membership_of(source, *source_extent, table) ^
                   ~membership_of(destination, *destination_extent, table);
        },
        check_all,
        [&](const std::shared_ptr<const RemoteTable>& table, Deadline deadline) {
            const observe::Timed timed(counters_.of(source, destination, table.get()),
                                       request.width * request.height);
            if (table && (is_remote(*table, request.source, *source_extent) ||
                          is_remote(*table, request.destination, *destination_extent))) {
                MF_RETURN_IF_ERROR(remote_copy(table, options, deadline).copy_rows(rows));
            } else {
                engine_.copy_rows(rows, options.temperature);
            }
            timed.done([&] {
                return fmt::format("BM {}: {} rows of {} bytes from {:#x} to {:#x}", id_, request.height,
                                   request.width, source, destination);
            });
            return Status();
        });
}

Status BigMemory::check_pieces(std::span<const copy::Piece> pieces, Direction direction) const {
    for (size_t i = 0; i < pieces.size(); ++i) {
        const copy::Piece& piece = pieces[i];
        Status status = piece.size == 0 ? failure(Code::kInvalidParam, "copying in BM {}: the size is 0", id_)
                                        : check(address(piece.source), piece.size, address(piece.destination),
                                                piece.size, direction);
        if (!status.is_ok()) {
            return status.with_context(fmt::format("piece {} of {}", i, pieces.size()));
        }
    }
    return {};
}

Status BigMemory::copy_batch(std::span<const copy::Piece> pieces, Direction direction, CopyOptions options) {
    MF_RETURN_IF_ERROR(check_joined());
    if (options.asynchronous) {
        MF_RETURN_IF_ERROR(check_pieces(pieces, direction));
        submit([this, kept = std::vector<copy::Piece>(pieces.begin(), pieces.end()), direction, options] {
            return copy_batch(kept, direction, {options.temperature, false});
        });
        return {};
    }
    const auto membership = [&](const RemoteTable* table) {
        uint64_t all = 0;
        for (const copy::Piece& piece : pieces) {
            all = all * kOddFactor + (membership_of(address(piece.source), piece.size, table) ^
                                      ~membership_of(address(piece.destination), piece.size, table));
        }
        return all;
    };
    return run_watched(
        membership, [&] { return check_pieces(pieces, direction); },
        [&](const std::shared_ptr<const RemoteTable>& table, Deadline deadline) {
            const auto touches = [&](const copy::Piece& piece) {
                return is_remote(*table, piece.source, piece.size) ||
                       is_remote(*table, piece.destination, piece.size);
            };
            if (pieces.empty()) {
                return Status();
            }
            const observe::Timed timed(counters_.of(pieces.front(), table.get()), pieces.front().size,
                                       {pieces.size(), total_size(pieces)});
            if (table && std::any_of(pieces.begin(), pieces.end(), touches)) {
                MF_RETURN_IF_ERROR(remote_copy(table, options, deadline).copy_pieces(pieces));
            } else {
                engine_.copy_batch(pieces, options.temperature);
            }
            counters_.count_rest(pieces, table.get());
            timed.done([&] { return fmt::format("BM {}: a batch of {} pieces", id_, pieces.size()); });
            return Status();
        });
}

}  // namespace memfabric::bm
