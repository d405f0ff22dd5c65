// SPDX-License-Identifier: Apache-2.0
#include "store/watch_table.h"

#include <utility>

namespace memfabric::store {
namespace {

constexpr size_t kMaxWatches = 65536;  // of one session

SharedBody event_body(uint64_t watch, const std::string& key, const std::string* value) {
    return std::make_shared<const std::string>(
        encode(WatchEventMessage{watch, key, value != nullptr, value ? *value : std::string()}));
}

}  // namespace

void WatchTable::watch(RequestKey request, const WatchMessage& message, const std::string* value) {
    const Watch watch{request.session, message.watch};
    size_t& count = counts_[request.session];
    if (count >= kMaxWatches) {
        outlet_.fail(request, failure(Code::kMallocFailed,
                                      "watch key '{}': this process watches {} keys, the most that it may",
                                      message.key, count));
        return;
    }
    if (!keys_.emplace(watch, message.key).second) {
        outlet_.fail(request, failure(Code::kDuplicatedObject,
                                      "watch key '{}': watch {} of this session exists already", message.key,
                                      message.watch));
        return;
    }
    ++count;
    watches_[message.key].insert(watch);
    outlet_.succeed(request);
    if (value != nullptr) {
        outlet_.notify(request.session, Operation::kWatchEvent,
                       event_body(message.watch, message.key, value));
    }
}

Status WatchTable::restore(uint64_t session, const RestoreWatch& message) {
    const Watch watch{session, message.watch};
    size_t& count = counts_[session];
    if (count >= kMaxWatches) {
        return failure(Code::kMallocFailed, "restoring watch {}: more than {}", message.watch, kMaxWatches);
    }
    if (!keys_.emplace(watch, message.key).second) {
        return failure(Code::kStoreInvalidMessage, "restoring watch {}: restored already", message.watch);
    }
    ++count;
    watches_[message.key].insert(watch);
    restored_.emplace(watch, message.exists);
    return {};
}

void WatchTable::tell_restored(const std::function<const std::string*(const std::string& key)>& value_of) {
    for (const auto& [watch, knows_value] : std::exchange(restored_, {})) {
        const auto key = keys_.find(watch);
        if (key == keys_.end()) {
            continue;
        }
        const std::string* value = value_of(key->second);
        if (value != nullptr || knows_value) {
            outlet_.notify(watch.first, Operation::kWatchEvent, event_body(watch.second, key->second, value));
        }
    }
}

void WatchTable::unwatch(RequestKey request, uint64_t watch) {
    const auto found = keys_.find({request.session, watch});
    if (found == keys_.end()) {
        outlet_.fail(request,
                     failure(Code::kObjectNotExists, "unwatch: this session has no watch {}", watch));
        return;
    }
    const auto key = watches_.find(found->second);
    key->second.erase(found->first);
    if (key->second.empty()) {
        watches_.erase(key);
    }
    keys_.erase(found);
    --counts_[request.session];
    outlet_.succeed(request);
}

void WatchTable::changed(const std::string& key, const std::string* value) {
    const auto found = watches_.find(key);
    if (found == watches_.end()) {
        return;
    }
    for (const auto& [session, watch] : found->second) {
        outlet_.notify(session, Operation::kWatchEvent, event_body(watch, key, value));
    }
}

void WatchTable::end_session(uint64_t session) {
    for (auto next = keys_.lower_bound({session, 0}); next != keys_.end() && next->first.first == session;) {
        const auto key = watches_.find(next->second);
        key->second.erase(next->first);
        if (key->second.empty()) {
            watches_.erase(key);
        }
        next = keys_.erase(next);
    }
    counts_.erase(session);
}

}  // namespace memfabric::store
