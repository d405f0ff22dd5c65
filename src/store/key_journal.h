// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/status.h"

namespace memfabric::store {

/// The folder in which a store keeps what outlives it: its identity, and the keys that nobody owns. One file,
/// to which every change is written, and is on the disk, before it is made. Two stores cannot have one
/// folder.
class KeyJournal {
 public:
    using Values = std::map<std::string, std::string, std::less<>>;
    enum class Change : uint8_t { kSet = 1, kAppend, kRemove };

    /// Makes the folder where it is missing. A record that was cut short by the store's death is dropped;
    /// what is damaged otherwise is a failure. `instance` is taken for a folder that has no identity yet.
    static Result<std::unique_ptr<KeyJournal>> open(const std::string& folder, uint64_t instance);
    /// Use open().
    KeyJournal(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    uint64_t instance() const { return instance_; }
    /// The store takes over another identity.
    Status keep_instance(uint64_t instance, const Values& values);
    /// What the file held when it was opened; once.
    Values take_values() { return std::move(values_); }
    bool was_there() const { return was_there_; }

    /// The change is on the disk when this returns. After a failure the file is as before.
    Status record(Change change, const std::string& key, const std::string& value);
    /// Whether the file holds so much that is gone that it is time for compact().
    bool wants_compacting(uint64_t live_bytes) const;
    Status compact(const Values& values);

 private:
    Status read();
    Status replay(std::string_view record);

    std::string path_;
    Fd lock_;
    Fd file_;
    uint64_t size_ = 0;
    uint64_t instance_ = 0;
    bool was_there_ = false;
    Values values_;
};

}  // namespace memfabric::store
