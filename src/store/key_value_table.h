// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/epochs.h"
#include "store/key_journal.h"
#include "store/key_owners.h"
#include "store/outlet.h"

namespace memfabric::store {

/// Keys and values, and the requests that wait for a key.
class KeyValueTable {
 public:
    /// `changed` hears of every key that was set (its value) or removed (nullptr).
    using Changed = std::function<void(const std::string& key, const std::string* value)>;

    KeyValueTable(Outlet& outlet, Epochs& epochs, uint64_t max_memory, uint64_t max_value, Changed changed)
        : outlet_(outlet),
          epochs_(epochs),
          max_memory_(max_memory),
          max_value_(max_value),
          changed_(std::move(changed)) {}

    /// Begins with what the journal holds, and writes to it every change of a key that nobody owns before it
    /// is made.
    void keep_in(std::shared_ptr<KeyJournal> journal);
    /// The journal's identity, if there is one, is another from now on.
    void keep_instance(uint64_t instance);

    void set(RequestKey request, KeyValueMessage message);
    /// The key goes with the session that asks. Refused while another session that is there owns it; waits
    /// where that one is away, until it is back or given up.
    void set_owned(RequestKey request, KeyValueMessage message);
    /// The session has owned the key at an earlier start of the store. Where two say so, the later claim wins
    /// and the other process is given up; a failure gives up this one.
    Status restore(uint64_t session, RestoreKey message);
    void get(RequestKey request, const KeyMessage& message);
    void find(RequestKey request, const KeyMessage& message);
    void add(RequestKey request, const AddMessage& message);
    void append(RequestKey request, const KeyValueMessage& message);
    void compare_and_swap(RequestKey request, SwapMessage message);
    void remove(RequestKey request, const KeyMessage& message);
    void remove_prefix(RequestKey request, const KeyMessage& message);
    void list(RequestKey request, const KeyMessage& message);

    const std::string* value_of(const std::string& key) const;
    size_t count() const { return values_.size(); }
    /// Bytes of keys and values.
    uint64_t memory() const { return memory_; }
    std::optional<Status> cancel(RequestKey request);
    /// Adds what waits here, and for whom.
    void report_waits(std::vector<WaitReport>& reports) const;
    /// A session came back before it was given up: who waited for a key of it learns that it stays owned.
    void session_resumed();
    void end_session(uint64_t session);

 private:
    using Values = std::map<std::string, std::string, std::less<>>;

    struct Claim {
        RequestKey request;
        KeyValueMessage message;
    };

    /// Whether the session may give the key a value: nobody, or this session, owns it.
    Status check_owner(const std::string& key, uint64_t session) const;
    /// False where the key's owner is away.
    bool serve_claim(Claim& claim);
    void serve_claims();
    Status store_value(const std::string& key, std::string value);
    Status check_value(const std::string& key, const std::string& value) const;
    Status store_owned(const std::string& key, std::string value);
    void put(const std::string& key, std::string value);
    Status record(KeyJournal::Change change, const std::string& key, const std::string& value);
    void compact_journal();
    KeyJournal::Values unowned() const;
    void erase(Values::iterator position);
    Status check_room(const std::string& key, uint64_t old_size, uint64_t new_size) const;

    Outlet& outlet_;
    Epochs& epochs_;
    uint64_t max_memory_;
    uint64_t max_value_;
    Changed changed_;
    std::shared_ptr<KeyJournal> journal_;  // null: nothing outlives the store
    uint64_t memory_ = 0;
    Values values_;
    KeyOwners owners_;
    std::vector<Claim> claims_;                                   // that wait for an owner who is away
    std::map<RequestKey, std::string> waiting_;                   // for which key
    std::multimap<std::string, RequestKey, std::less<>> wanted_;  // who waits for a key
};

}  // namespace memfabric::store
