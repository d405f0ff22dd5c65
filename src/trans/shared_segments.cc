// SPDX-License-Identifier: Apache-2.0
#include "trans/shared_segments.h"

#include <algorithm>

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::trans {

SharedSegments::~SharedSegments() {
    for (const auto& [base, entry] : entries_) {
        withdraw(entry.id);
    }
}

/// Nobody may be handed a descriptor that is closed.
void SharedSegments::withdraw(uint32_t id) {
    insist([&] { runtime_.mapped().withdraw(record_.segment_object(id)); });
}

uint32_t SharedSegments::offer(uint64_t base, uint64_t size, int descriptor,
                               std::shared_ptr<const void> keep) {
    uint32_t id = next_id_;
    if (const Status put = table_.put_segment(id, base, size); !put.is_ok()) {
        log_debug("memory at {:#x} is not offered for mapping: {}", base, put.message());
        id = 0;
    } else {
        ++next_id_;
        insist([&] { runtime_.mapped().offer(record_.segment_object(id), descriptor, record_.token); });
    }
    const Entry entry{id, size, 0, std::move(keep)};
    insist([&] { entries_.emplace(base, entry); });
    return id;
}

Run SharedSegments::first_run(uint64_t begin, uint64_t end) {
    const auto after = entries_.upper_bound(begin);
    if (after != entries_.begin()) {
        const auto& [base, entry] = *std::prev(after);
        if (begin - base < entry.size) {
            return {begin, std::min(end, base + entry.size), entry.id};
        }
    }
    if (const MemoryPool::Place place = pool_.place_of(begin); place.descriptor >= 0) {
        const uint32_t id = offer(place.segment_base, place.segment_size, place.descriptor, nullptr);
        return {begin, std::min(end, place.segment_base + place.segment_size), id};
    }
    if (std::shared_ptr<AttachedWindow> window = runtime_.window_with(begin)) {
        const memory::AddressRange range = window->window().range();
        // Peers map the segment from its first byte on, which is the header's.
        const uint64_t header = memory::WindowSegment::window_offset();
        const int descriptor = window->segment().segment().descriptor();
        const uint32_t id = offer(range.begin - header, header + range.size, descriptor, std::move(window));
        return {begin, std::min(end, range.end()), id};
    }
    return {begin, end, 0};
}

std::vector<Run> SharedSegments::cut(const std::vector<memory::AddressRange>& ranges) {
    std::vector<Run> runs;
    runs.reserve(ranges.size());
    for (const memory::AddressRange& range : ranges) {
        for (uint64_t begin = range.begin; begin < range.end();) {
            runs.push_back(first_run(begin, range.end()));
            begin = runs.back().end;
        }
    }
    return runs;
}

SharedSegments::Entries::iterator SharedSegments::entry_with(uint32_t id) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const auto& entry) { return entry.second.id == id; });
}

void SharedSegments::note_added(std::span<const Run> runs) {
    for (const Run& run : runs) {
        if (run.segment != 0) {
            entry_with(run.segment)->second.registered += run.end - run.begin;
        }
    }
}

void SharedSegments::note_removed(std::span<const Run> runs) {
    for (const Run& run : runs) {
        if (run.segment == 0) {
            continue;
        }
        const auto entry = entry_with(run.segment);
        entry->second.registered -= run.end - run.begin;
        // The pool's own stay as long as it does: registering the same memory again and again must not use up
        // the numbers.
        if (entry->second.registered == 0 && entry->second.keep != nullptr) {
            take_back(entry);
        }
    }
}

void SharedSegments::take_back(Entries::iterator entry) {
    table_.drop_segment(entry->second.id);
    withdraw(entry->second.id);
    entries_.erase(entry);
}

}  // namespace memfabric::trans
