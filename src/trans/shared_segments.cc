// SPDX-License-Identifier: Apache-2.0
#include "trans/shared_segments.h"

#include <algorithm>

#include "base/log.h"

namespace memfabric::trans {

SharedSegments::~SharedSegments() {
    for (const auto& [base, entry] : entries_) {
        runtime_.mapped().withdraw(record_.segment_object(entry.id));
    }
}

Result<uint32_t> SharedSegments::offer(uint64_t base, uint64_t size, uint64_t offset, int descriptor,
                                       std::shared_ptr<const void> keep) {
    const uint32_t id = next_id_;
    if (Status put = table_.put_segment(id, base, size, offset); !put.is_ok()) {
        log_debug("session memory at {:#x} is not offered for mapping: {}", base, put.message());
        return uint32_t{0};
    }
    ++next_id_;
    runtime_.mapped().offer(record_.segment_object(id), descriptor, record_.token);
    entries_.emplace(base, Entry{id, size, 0, std::move(keep)});
    return id;
}

Result<Run> SharedSegments::first_run(uint64_t begin, uint64_t end) {
    const auto after = entries_.upper_bound(begin);
    if (after != entries_.begin()) {
        const auto& [base, entry] = *std::prev(after);
        if (begin - base < entry.size) {
            return Run{begin, std::min(end, base + entry.size), entry.id};
        }
    }
    if (const MemoryPool::Place place = pool_.place_of(begin); place.descriptor >= 0) {
        MF_ASSIGN_OR_RETURN(const uint32_t id,
                            offer(place.segment_base, place.segment_size, 0, place.descriptor, nullptr));
        return Run{begin, std::min(end, place.segment_base + place.segment_size), id};
    }
    if (std::shared_ptr<AttachedWindow> window = runtime_.window_with(begin)) {
        const memory::AddressRange range = window->window().range();
        const int descriptor = window->segment().segment().descriptor();
        MF_ASSIGN_OR_RETURN(const uint32_t id,
                            offer(range.begin, range.size, memory::WindowSegment::window_offset(), descriptor,
                                  std::move(window)));
        return Run{begin, std::min(end, range.end()), id};
    }
    return Run{begin, end, 0};
}

Result<std::vector<Run>> SharedSegments::cut(const std::vector<memory::AddressRange>& ranges) {
    std::vector<Run> runs;
    runs.reserve(ranges.size());
    for (const memory::AddressRange& range : ranges) {
        for (uint64_t begin = range.begin; begin < range.end();) {
            MF_ASSIGN_OR_RETURN(const Run run, first_run(begin, range.end()));
            runs.push_back(run);
            begin = run.end;
        }
    }
    return runs;
}

SharedSegments::Entries::iterator SharedSegments::entry_with(uint32_t id) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const auto& entry) { return entry.second.id == id; });
}

void SharedSegments::note_added(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.segment != 0) {
            entry_with(run.segment)->second.registered += run.end - run.begin;
        }
    }
}

void SharedSegments::note_removed(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.segment == 0) {
            continue;
        }
        const auto entry = entry_with(run.segment);
        entry->second.registered -= run.end - run.begin;
        if (entry->second.registered == 0) {
            take_back(entry);
        }
    }
}

void SharedSegments::take_back(Entries::iterator entry) {
    table_.drop_segment(entry->second.id);
    runtime_.mapped().withdraw(record_.segment_object(entry->second.id));
    entries_.erase(entry);
}

}  // namespace memfabric::trans
