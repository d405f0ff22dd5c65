// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "runtime/runtime.h"
#include "trans/memory_pool.h"
#include "trans/registration_table.h"
#include "trans/session_record.h"

namespace memfabric::trans {

/// The segments behind registered memory that the library allocated: peers map them and copy directly. Says
/// of each registered byte which segment it lies in, and lets peers fetch that. Not thread-safe.
class SharedSegments {
 public:
    SharedSegments(Runtime& runtime, const SessionRecord& record, RegistrationTable& table,
                   const MemoryPool& pool)
        : runtime_(runtime), record_(record), table_(table), pool_(pool) {}
    ~SharedSegments();
    SharedSegments(const SharedSegments&) = delete;
    SharedSegments& operator=(const SharedSegments&) = delete;

    /// Cuts ranges at the borders of segments; a segment that is new is offered to peers.
    std::vector<Run> cut(const std::vector<memory::AddressRange>& ranges);
    /// Keeps account of the runs that are registered in each segment; one without any is taken back, unless
    /// it is of the pool.
    void note_added(std::span<const Run> runs);
    void note_removed(std::span<const Run> runs);

 private:
    struct Entry {
        uint32_t id = 0;  // 0: the table has no room for it, so peers take it for private memory
        uint64_t size = 0;
        uint64_t registered = 0;           // bytes
        std::shared_ptr<const void> keep;  // what keeps the descriptor open
    };
    using Entries = std::map<uint64_t, Entry>;  // by base

    /// End of the part of [begin, end) that one segment, or none, holds; its number, 0 for private memory.
    Run first_run(uint64_t begin, uint64_t end);
    uint32_t offer(uint64_t base, uint64_t size, int descriptor, std::shared_ptr<const void> keep);
    Entries::iterator entry_with(uint32_t id);
    void take_back(Entries::iterator entry);
    void withdraw(uint32_t id);

    Runtime& runtime_;
    const SessionRecord& record_;
    RegistrationTable& table_;
    const MemoryPool& pool_;
    Entries entries_;
    uint32_t next_id_ = 1;
};

}  // namespace memfabric::trans
