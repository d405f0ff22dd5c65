// SPDX-License-Identifier: Apache-2.0
#include "store/key_value_table.h"

#include <algorithm>
#include <charconv>

namespace memfabric::store {
namespace {

constexpr uint64_t kEntryOverhead = 128;  // bytes of the table's own, about

Result<int64_t> sum(const std::string& key, const std::string& text, int64_t delta) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return failure(Code::kInvalidParam,
                       "add to key '{}': its value of {} bytes is no decimal number of 64 bits", key,
                       text.size());
    }
    int64_t total = 0;
    if (__builtin_add_overflow(number, delta, &total)) {
        return failure(Code::kInvalidParam, "add to key '{}': {} + {} does not fit into 64 bits", key, number,
                       delta);
    }
    return total;
}

}  // namespace

Status KeyValueTable::check_room(const std::string& key, uint64_t old_size, uint64_t new_size) const {
    if (new_size > max_value_) {
        return failure(
            Code::kInvalidParam,
            "key '{}': a value of {} bytes is more than the {} that this store takes (MF_STORE_MAX_MESSAGE)",
            key, new_size, max_value_);
    }
    if (memory_ - old_size + new_size > max_memory_) {
        return failure(Code::kMallocFailed,
                       "key '{}': {} more bytes are more than the {} that this store may hold "
                       "(MF_STORE_MAX_MEMORY), {} are in use",
                       key, new_size - old_size, max_memory_, memory_);
    }
    return {};
}

/// Whether there is room for the value.
Status KeyValueTable::check_value(const std::string& key, const std::string& value) const {
    const auto found = values_.find(key);
    const uint64_t overhead = found == values_.end() ? key.size() + kEntryOverhead : 0;
    const uint64_t old_size = found == values_.end() ? 0 : found->second.size();
    if (memory_ + overhead > max_memory_) {
        return failure(Code::kMallocFailed,
                       "key '{}': the store holds the {} bytes it may hold (MF_STORE_MAX_MEMORY)", key,
                       max_memory_);
    }
    if (value.size() > old_size || value.size() > max_value_) {
        MF_RETURN_IF_ERROR(check_room(key, old_size, value.size()));
    }
    return {};
}

Status KeyValueTable::store_value(const std::string& key, std::string value) {
    MF_RETURN_IF_ERROR(check_value(key, value));
    MF_RETURN_IF_ERROR(record(KeyJournal::Change::kSet, key, value));
    put(key, std::move(value));
    compact_journal();
    return {};
}

/// The key is, or is going to be, somebody's: what the journal has of it is gone.
Status KeyValueTable::store_owned(const std::string& key, std::string value) {
    MF_RETURN_IF_ERROR(check_value(key, value));
    if (values_.contains(key)) {
        MF_RETURN_IF_ERROR(record(KeyJournal::Change::kRemove, key, {}));
    }
    put(key, std::move(value));
    return {};
}

void KeyValueTable::put(const std::string& key, std::string value) {
    const auto found = values_.find(key);
    const uint64_t overhead = found == values_.end() ? key.size() + kEntryOverhead : 0;
    const uint64_t old_size = found == values_.end() ? 0 : found->second.size();
    memory_ += overhead - old_size + value.size();
    std::string& place = values_[key];
    place = std::move(value);
    changed_(key, &place);
    auto [first, last] = wanted_.equal_range(key);
    if (first != last) {
        const SharedBody body = success_body(Value<std::string>{place});
        for (auto waiter = first; waiter != last; ++waiter) {
            waiting_.erase(waiter->second);
            outlet_.reply(waiter->second, body);
        }
        wanted_.erase(first, last);
    }
}

void KeyValueTable::erase(Values::iterator position) {
    memory_ -= position->first.size() + kEntryOverhead + position->second.size();
    const std::string key = position->first;
    values_.erase(position);
    owners_.forget(key);
    changed_(key, nullptr);
}

Status KeyValueTable::check_owner(const std::string& key, uint64_t session) const {
    const auto owner = owners_.owner_of(key);
    if (!owner || owner->session == session) {
        return {};
    }
    return failure(Code::kDuplicatedObject, "key '{}' belongs to {}, which alone may change it", key,
                   outlet_.describe(owner->session));
}

void KeyValueTable::set(RequestKey request, KeyValueMessage message) {
    Status status = check_owner(message.key, request.session);
    if (status.is_ok()) {
        status = store_value(message.key, std::move(message.value));
    }
    outlet_.reply(request, failure_body(status));
}

void KeyValueTable::set_owned(RequestKey request, KeyValueMessage message) {
    Claim claim{request, std::move(message)};
    if (!serve_claim(claim)) {
        claims_.push_back(std::move(claim));
    }
}

bool KeyValueTable::serve_claim(Claim& claim) {
    const auto owner = owners_.owner_of(claim.message.key);
    const uint64_t session = claim.request.session;
    if (owner && owner->session != session && !outlet_.is_connected(owner->session)) {
        return false;
    }
    Status status = check_owner(claim.message.key, session);
    if (status.is_ok()) {
        status = store_owned(claim.message.key, std::move(claim.message.value));
    }
    if (!status.is_ok()) {
        outlet_.fail(claim.request, status);
        return true;
    }
    const uint64_t epoch = owner ? owner->epoch : epochs_.next();
    owners_.claim(claim.message.key, {session, epoch});
    outlet_.succeed(claim.request, Value<uint64_t>{epoch});
    return true;
}

Status KeyValueTable::restore(uint64_t session, RestoreKey message) {
    MF_RETURN_IF_ERROR(epochs_.take_note(message.epoch));
    const auto owner = owners_.owner_of(message.key);
    if (owner && owner->session != session) {
        const uint64_t older = epochs_.wins(message.epoch, owner->epoch) ? owner->session : session;
        Status why = taken_since(fmt::format("key '{}'", message.key),
                                 outlet_.describe(older == session ? owner->session : session));
        if (older == session) {
            return why;
        }
        outlet_.evict(older, why);
    }
    MF_RETURN_IF_ERROR(store_owned(message.key, std::move(message.value)));
    owners_.claim(message.key, {session, message.epoch});
    return {};
}

void KeyValueTable::serve_claims() {
    std::erase_if(claims_, [this](Claim& claim) { return serve_claim(claim); });
}

void KeyValueTable::get(RequestKey request, const KeyMessage& message) {
    if (const std::string* value = value_of(message.key)) {
        outlet_.succeed(request, Value<std::string>{*value});
        return;
    }
    waiting_.emplace(request, message.key);
    wanted_.emplace(message.key, request);
}

void KeyValueTable::find(RequestKey request, const KeyMessage& message) {
    const std::string* value = value_of(message.key);
    outlet_.succeed(request, FoundMessage{value != nullptr, value ? *value : std::string()});
}

void KeyValueTable::add(RequestKey request, const AddMessage& message) {
    if (const Status status = check_owner(message.key, request.session); !status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    const std::string* value = value_of(message.key);
    const Result<int64_t> total = sum(message.key, value ? *value : "0", message.delta);
    if (!total.is_ok()) {
        outlet_.fail(request, total.status());
        return;
    }
    const Status stored = store_value(message.key, std::to_string(*total));
    stored.is_ok() ? outlet_.succeed(request, Value<int64_t>{*total}) : outlet_.fail(request, stored);
}

void KeyValueTable::append(RequestKey request, const KeyValueMessage& message) {
    if (const Status status = check_owner(message.key, request.session); !status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    const auto found = values_.find(message.key);
    Status stored;
    uint64_t size = message.value.size();
    if (found == values_.end() || wanted_.contains(message.key)) {
        stored = store_value(message.key, message.value);
    } else {
        const uint64_t old_size = found->second.size();
        size += old_size;
        stored = check_room(message.key, old_size, size);
        if (stored.is_ok()) {
            stored = record(KeyJournal::Change::kAppend, message.key, message.value);
        }
        if (stored.is_ok()) {
            // In place: appending to a long value again and again must not copy it each time.
            found->second.append(message.value);
            memory_ += message.value.size();
            changed_(found->first, &found->second);
            compact_journal();
        }
    }
    stored.is_ok() ? outlet_.succeed(request, Value<uint64_t>{size}) : outlet_.fail(request, stored);
}

void KeyValueTable::compare_and_swap(RequestKey request, SwapMessage message) {
    const std::string* value = value_of(message.key);
    // An empty `expected` means that the key must not exist; a key with an empty value exists.
    const bool matches =
        value ? !message.expected.empty() && *value == message.expected : message.expected.empty();
    const SwapResult result{matches, value ? *value : std::string()};
    if (matches) {
        Status stored = check_owner(message.key, request.session);
        if (stored.is_ok()) {
            stored = store_value(message.key, std::move(message.desired));
        }
        if (!stored.is_ok()) {
            outlet_.fail(request, stored);
            return;
        }
    }
    outlet_.succeed(request, result);
}

void KeyValueTable::remove(RequestKey request, const KeyMessage& message) {
    const auto found = values_.find(message.key);
    if (found == values_.end()) {
        outlet_.fail(request,
                     failure(Code::kStoreNotExist, "remove key '{}': there is no such key", message.key));
        return;
    }
    if (const Status kept = record(KeyJournal::Change::kRemove, message.key, {}); !kept.is_ok()) {
        outlet_.fail(request, kept);
        return;
    }
    erase(found);
    outlet_.succeed(request);
}

void KeyValueTable::remove_prefix(RequestKey request, const KeyMessage& message) {
    uint64_t count = 0;
    for (auto next = values_.lower_bound(message.key);
         next != values_.end() && next->first.starts_with(message.key); ++count) {
        if (const Status kept = record(KeyJournal::Change::kRemove, next->first, {}); !kept.is_ok()) {
            outlet_.fail(request, kept.with_context(fmt::format("after {} keys", count)));
            return;
        }
        erase(next++);
    }
    outlet_.succeed(request, Value<uint64_t>{count});
}

void KeyValueTable::list(RequestKey request, const KeyMessage& message) {
    std::vector<std::pair<std::string, std::string>> entries;
    uint64_t size = 0;
    for (auto next = values_.lower_bound(message.key);
         next != values_.end() && next->first.starts_with(message.key); ++next) {
        size += next->first.size() + next->second.size() + 8;
        if (size > max_value_) {
            outlet_.fail(
                request,
                failure(Code::kInvalidParam,
                        "list keys beginning with '{}': they are larger than one message of {} bytes "
                        "(MF_STORE_MAX_MESSAGE); ask for a longer prefix",
                        message.key, max_value_));
            return;
        }
        entries.emplace_back(next->first, next->second);
    }
    outlet_.succeed(request, Value<std::vector<std::pair<std::string, std::string>>>{std::move(entries)});
}

const std::string* KeyValueTable::value_of(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

std::optional<Status> KeyValueTable::cancel(RequestKey request) {
    const auto claim = std::find_if(claims_.begin(), claims_.end(),
                                    [&](const Claim& candidate) { return candidate.request == request; });
    if (claim != claims_.end()) {
        const Status status =
            failure(Code::kStoreTimeout, "key '{}': its owner is away and was not given up by the deadline",
                    claim->message.key);
        claims_.erase(claim);
        return status;
    }
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) {
        return std::nullopt;
    }
    const std::string key = std::move(found->second);
    waiting_.erase(found);
    const auto [first, last] = wanted_.equal_range(key);
    for (auto waiter = first; waiter != last; ++waiter) {
        if (waiter->second == request) {
            wanted_.erase(waiter);
            break;
        }
    }
    return failure(Code::kStoreTimeout, "key '{}' was not set by the deadline", key);
}

void KeyValueTable::session_resumed() {
    serve_claims();
}

void KeyValueTable::end_session(uint64_t session) {
    std::erase_if(claims_, [&](const Claim& claim) { return claim.request.session == session; });
    for (const std::string& key : owners_.take_keys_of(session)) {
        erase(values_.find(key));
    }
    serve_claims();
    for (auto next = waiting_.lower_bound({session, 0});
         next != waiting_.end() && next->first.session == session;) {
        const RequestKey request = (next++)->first;
        static_cast<void>(cancel(request));
    }
}

void KeyValueTable::report_waits(std::vector<WaitReport>& reports) const {
    for (auto next = wanted_.begin(); next != wanted_.end();) {
        const auto last = wanted_.upper_bound(next->first);
        WaitReport report{{}, fmt::format("key '{}' is not set", next->first), {}};
        for (; next != last; ++next) {
            report.waiters.push_back(next->second);
        }
        reports.push_back(std::move(report));
    }
    for (const Claim& claim : claims_) {
        const std::string& key = claim.message.key;
        reports.push_back({{claim.request},
                           fmt::format("key '{}': its owner is away", key),
                           {{"it", owners_.owner_of(key).value_or(KeyOwners::Owner{}).session}}});
    }
}

}  // namespace memfabric::store
