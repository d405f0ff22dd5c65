// SPDX-License-Identifier: Apache-2.0
// How a session registers memory, and takes it back.
#include <algorithm>
#include <map>

#include "base/attempt.h"
#include "trans/engine.h"

namespace memfabric::trans {
namespace {

/// More than a change of the registrations takes, and each of them in it.
constexpr size_t kMemoryOfAll = size_t{16} << 10;
constexpr size_t kMemoryOfOne = 1024;

/// What a removed registration offered and nothing offers any more.
std::vector<memory::AddressRange> vanished(const Registrations::Change& change) {
    std::map<uint64_t, uint64_t> kept;  // begin -> end
    for (const memory::AddressRange& range : change.added) {
        kept.emplace(range.begin, range.end());
    }
    std::vector<memory::AddressRange> gone;
    for (const memory::AddressRange& range : change.removed) {
        uint64_t begin = range.begin;
        for (auto next = kept.lower_bound(begin); next != kept.end() && next->first < range.end(); ++next) {
            if (next->first > begin) {
                gone.push_back({begin, next->first - begin});
            }
            begin = next->second;
        }
        if (begin < range.end()) {
            gone.push_back({begin, range.end() - begin});
        }
    }
    return gone;
}

}  // namespace

Status Engine::register_memory(std::span<const memory::AddressRange> ranges) {
    for (size_t i = 0; i < ranges.size(); ++i) {
        if (const Status status = check_registration(ranges[i].begin, ranges[i].size); !status.is_ok()) {
            return ranges.size() == 1 ? status
                                      : status.with_context(fmt::format("range {} of {}", i, ranges.size()));
        }
    }
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return failure(Code::kObjectNotExists, "session {} is closed", session_);
    }
    MF_RETURN_IF_ERROR(expect_memory(ranges.size()));
    std::vector<Registrations::Change> changes;
    changes.reserve(ranges.size());
    Status status = memfabric::attempt([&] {
        std::vector<Run> added;
        for (const memory::AddressRange& range : ranges) {
            changes.push_back(registrations_.add(range));
            const std::vector<Run> runs = segments_.cut(changes.back().added);
            added.insert(added.end(), runs.begin(), runs.end());
        }
        return change_table({}, added);
    });
    if (!status.is_ok()) {
        for (size_t i = changes.size(); i-- > 0;) {
            registrations_.undo(changes[i]);
        }
        return status;
    }
    for (const memory::AddressRange& range : ranges) {
        note_in_pool(range);
    }
    for (const Registrations::Change& change : changes) {
        others_.exposures().change({}, change.added);
    }
    return {};
}

Status Engine::change_table(std::span<const Run> removed, std::span<const Run> added) {
    if (removed.empty() && added.empty()) {
        return {};
    }
    MF_RETURN_IF_ERROR(table_.apply(removed, added));
    segments_.note_added(added);
    segments_.note_removed(removed);
    return {};
}

Status Engine::wait_for_transfers(std::span<const memory::AddressRange> ranges, Deadline deadline) const {
    for (const memory::AddressRange& range : ranges) {
        MF_RETURN_IF_ERROR(flights_.wait_until_free(range, deadline));
    }
    return {};
}

/// Each range once: others that leave at the same time may be equal.
void Engine::forget_leaving(std::span<const memory::AddressRange> ranges) {
    for (const memory::AddressRange& range : ranges) {
        leaving_.erase(std::ranges::find(leaving_, range));
    }
}

Status Engine::deregister_memory(uint64_t address, Deadline deadline) {
    std::unique_lock lock(mutex_);
    const std::optional<memory::AddressRange> range = registrations_.find(address);
    if (!range) {
        return failure(Code::kObjectNotExists, "no registration of session {} begins at {:#x}", session_,
                       address);
    }
    MF_RETURN_IF_ERROR(expect_memory(1));
    const Registrations::Change change = registrations_.remove(*range);
    std::vector<Run> removed;
    std::vector<Run> added;
    std::vector<memory::AddressRange> gone;
    Status applied = memfabric::attempt([&] {
        removed = segments_.cut(change.removed);
        added = segments_.cut(change.added);
        gone = vanished(change);
        leaving_.reserve(leaving_.size() + gone.size());
        return removed.empty() ? Status() : table_.apply(removed, added);
    });
    if (!applied.is_ok()) {
        registrations_.undo(change);
        return applied;
    }
    forget_in_pool(address);
    segments_.note_added(added);
    others_.exposures().change(change.removed, change.added);
    leaving_.insert(leaving_.end(), gone.begin(), gone.end());
    // Others may register meanwhile: one transfer that does not end must not hold them up.
    lock.unlock();
    Status idle = memfabric::attempt([&]() -> Status {
        MF_RETURN_IF_ERROR(wait_for_transfers(gone, deadline));
        return others_.exposures().retire(gone, deadline);
    });
    lock.lock();
    forget_leaving(gone);
    if (idle.is_ok()) {
        segments_.note_removed(removed);
        lock.unlock();
        // What an initiator gave up waiting for may still be applied here.
        staging_->drain();
        return {};
    }
    const Registrations::Change again = registrations_.add(*range);
    note_in_pool(*range);
    Status back = attempt_until(deadline, [&] { return change_table({}, segments_.cut(again.added)); });
    if (back.is_ok()) {
        others_.exposures().change({}, again.added);
    }
    // Last: the segments that the transfer still uses must not go in between.
    segments_.note_removed(removed);
    if (!back.is_ok()) {
        registrations_.undo(again);
        forget_in_pool(range->begin);
        return back;
    }
    return idle.with_context(
        fmt::format("{:#x} + {} bytes stay registered with session {}", range->begin, range->size, session_));
}

void Engine::note_in_pool(const memory::AddressRange& range) {
    if (pool_.place_of(range.begin).descriptor >= 0) {
        insist([&] { pool_starts_.insert(range.begin); });
    }
}

/// What registrations are kept in changes as a whole, so nothing is begun without memory at hand.
Status Engine::expect_memory(size_t registrations) const {
    return has_memory(kMemoryOfAll + registrations * kMemoryOfOne)
               ? Status()
               : failure(Code::kMallocFailed,
                         "out of memory: the registrations of session {} stay as they are", session_);
}

void Engine::forget_in_pool(uint64_t address) {
    if (const auto noted = pool_starts_.find(address); noted != pool_starts_.end()) {
        pool_starts_.erase(noted);
    }
}

}  // namespace memfabric::trans
