// SPDX-License-Identifier: Apache-2.0
// Keys that outlive the store.
#include "base/log.h"
#include "store/key_value_table.h"

namespace memfabric::store {

void KeyValueTable::keep_in(std::shared_ptr<KeyJournal> journal) {
    for (auto& [key, value] : journal->take_values()) {
        put(key, std::move(value));
    }
    journal_ = std::move(journal);
    compact_journal();
}

void KeyValueTable::keep_instance(uint64_t instance) {
    if (!journal_) {
        return;
    }
    const Status kept = journal_->keep_instance(instance, unowned());
    if (!kept.is_ok()) {
        log_warn("config store: started again, it will not know its clients: {}", kept.message());
    }
}

KeyJournal::Values KeyValueTable::unowned() const {
    KeyJournal::Values values;
    for (const auto& [key, value] : values_) {
        if (!owners_.owner_of(key)) {
            values.emplace(key, value);
        }
    }
    return values;
}

Status KeyValueTable::record(KeyJournal::Change change, const std::string& key, const std::string& value) {
    return journal_ && !owners_.owner_of(key) ? journal_->record(change, key, value) : Status();
}

void KeyValueTable::compact_journal() {
    if (!journal_ || !journal_->wants_compacting(memory_)) {
        return;
    }
    const Status compacted = journal_->compact(unowned());
    if (!compacted.is_ok()) {
        log_warn("config store: its journal grows: {}", compacted.message());
    }
}

}  // namespace memfabric::store
