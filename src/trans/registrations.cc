// SPDX-License-Identifier: Apache-2.0
#include "trans/registrations.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "base/attempt.h"

namespace memfabric::trans {

using memory::AddressRange;

namespace {

/// What remains of `whole` without the holes, which are sorted and may reach past both of its ends.
void subtract(AddressRange whole, std::span<const AddressRange> holes, std::vector<AddressRange>& remains) {
    uint64_t kept = whole.begin;
    for (const AddressRange& hole : holes) {
        if (hole.begin > kept) {
            insist([&] { remains.push_back({kept, hole.begin - kept}); });
        }
        kept = std::max(kept, hole.end());
    }
    if (kept < whole.end()) {
        insist([&] { remains.push_back({kept, whole.end() - kept}); });
    }
}

}  // namespace

Status check_registration(uint64_t address, uint64_t size) {
    if (address == 0) {
        return {Code::kInvalidParam, "registering memory: the address is null"};
    }
    if (size == 0) {
        return failure(Code::kInvalidParam, "registering memory at {:#x}: its size is 0", address);
    }
    if (address + size < address) {
        return failure(Code::kInvalidParam,
                       "registering memory at {:#x}: {} bytes go past the end of the address space", address,
                       size);
    }
    return {};
}

// The tables say the same of every range, so none is left when another has changed: there is no way back for
// want of memory in the middle. Whoever wants a change looks first whether there is any.

Registrations::Change Registrations::add(AddressRange range) {
    note(range);
    Change change{.removed = {}, .added = count(range, true), .registration = range, .is_addition = true};
    for (const AddressRange& added : change.added) {
        insist([&] { offered_.emplace_hint(offered_.end(), added.begin, added.end()); });
    }
    return change;
}

Registrations::Change Registrations::remove(AddressRange range) {
    forget(range);
    Change change{.removed = {}, .added = {}, .registration = range, .is_addition = false};
    const std::vector<AddressRange> holes = count(range, false);
    if (holes.empty()) {
        return change;
    }
    auto offered = std::prev(offered_.upper_bound(holes.front().begin));
    for (auto hole = holes.begin(); hole != holes.end();) {
        const uint64_t end = offered->second;
        if (end <= hole->begin) {
            ++offered;
            continue;
        }
        const AddressRange whole{offered->first, end - offered->first};
        const auto behind =
            std::find_if(hole, holes.end(), [&](const AddressRange& next) { return next.begin >= end; });
        subtract(whole, {hole, behind}, change.added);
        insist([&] { change.removed.push_back(whole); });
        offered = offered_.erase(offered);
        // The last hole may go on in the next range, which touches this one.
        hole = std::prev(behind)->end() > end ? std::prev(behind) : behind;
    }
    for (const AddressRange& added : change.added) {
        insist([&] { offered_.emplace(added.begin, added.end()); });
    }
    return change;
}

void Registrations::undo(const Change& change) {
    if (change.is_addition) {
        forget(change.registration);
    } else {
        note(change.registration);
    }
    static_cast<void>(count(change.registration, !change.is_addition));
    for (const AddressRange& added : change.added) {
        offered_.erase(added.begin);
    }
    for (const AddressRange& removed : change.removed) {
        insist([&] { offered_.emplace(removed.begin, removed.end()); });
    }
}

std::optional<AddressRange> Registrations::find(uint64_t begin) const {
    const auto found = by_start_.find(begin);
    return found == by_start_.end() ? std::nullopt
                                    : std::optional(AddressRange{begin, found->second.back().size});
}

bool Registrations::covers(AddressRange range) const {
    auto step = counts_.upper_bound(range.begin);
    if (step == counts_.begin()) {
        return false;
    }
    for (--step; step != counts_.end() && step->first < range.end(); ++step) {
        if (step->second == 0) {
            return false;
        }
    }
    return true;
}

bool Registrations::covers(AddressRange range, std::span<const AddressRange> also) const {
    if (covers(range)) {
        return true;
    }
    std::vector<AddressRange> covered(also.begin(), also.end());
    auto step = counts_.upper_bound(range.begin);
    step = step == counts_.begin() ? step : std::prev(step);
    for (; step != counts_.end() && step->first < range.end(); ++step) {
        if (step->second != 0) {
            covered.push_back({step->first, std::next(step)->first - step->first});
        }
    }
    std::ranges::sort(covered, {}, &AddressRange::begin);
    std::vector<AddressRange> gaps;
    subtract(range, covered, gaps);
    return gaps.empty();
}

std::vector<AddressRange> Registrations::all() const {
    std::vector<AddressRange> ranges;
    ranges.reserve(size_);
    for (const auto& [begin, sizes] : by_start_) {
        for (const Repeated& repeated : sizes) {
            ranges.insert(ranges.end(), repeated.times, AddressRange{begin, repeated.size});
        }
    }
    return ranges;
}

std::vector<AddressRange> Registrations::offered() const {
    std::vector<AddressRange> ranges;
    ranges.reserve(offered_.size());
    for (const auto& [begin, end] : offered_) {
        ranges.push_back({begin, end - begin});
    }
    return ranges;
}

void Registrations::note(AddressRange range) {
    insist([&] {
        std::vector<Repeated>& sizes = by_start_[range.begin];
        if (sizes.empty() || sizes.back().size != range.size) {
            sizes.push_back({range.size, 0});
        }
        ++sizes.back().times;
    });
    ++size_;
}

void Registrations::forget(AddressRange range) {
    const auto found = by_start_.find(range.begin);
    std::vector<Repeated>& sizes = found->second;
    const auto latest = std::find_if(sizes.rbegin(), sizes.rend(),
                                     [&](const Repeated& repeated) { return repeated.size == range.size; });
    if (--latest->times == 0) {
        sizes.erase(std::next(latest).base());
    }
    if (sizes.empty()) {
        by_start_.erase(found);
    }
    --size_;
}

void Registrations::cut(uint64_t address) {
    const auto behind = counts_.lower_bound(address);
    if (behind == counts_.end() || behind->first != address) {
        const uint64_t before = behind == counts_.begin() ? 0 : std::prev(behind)->second;
        insist([&] { counts_.emplace_hint(behind, address, before); });
    }
}

void Registrations::join(uint64_t address) {
    const auto step = counts_.find(address);
    const uint64_t before = step == counts_.begin() ? 0 : std::prev(step)->second;
    if (step->second == before) {
        counts_.erase(step);
    }
}

/// Addresses that only grow, as programs tend to register them, need no search.
bool Registrations::count_behind_all(AddressRange range) {
    if (!counts_.empty() && std::prev(counts_.end())->first >= range.begin) {
        return false;
    }
    insist([&] { counts_.emplace_hint(counts_.end(), range.begin, 1); });
    insist([&] { counts_.emplace_hint(counts_.end(), range.end(), 0); });
    return true;
}

std::vector<AddressRange> Registrations::count(AddressRange range, bool up) {
    if (up && count_behind_all(range)) {
        return insist([&] { return std::vector{range}; });
    }
    cut(range.begin);
    cut(range.end());
    std::vector<AddressRange> changed;
    auto step = counts_.find(range.begin);
    while (step->first != range.end()) {
        const bool at_zero = up ? step->second++ == 0 : --step->second == 0;
        const uint64_t begin = step->first;
        ++step;
        if (at_zero) {
            insist([&] { changed.push_back({begin, step->first - begin}); });
        }
    }
    join(range.begin);
    join(range.end());
    return changed;
}

}  // namespace memfabric::trans
