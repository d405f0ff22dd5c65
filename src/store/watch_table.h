// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "store/outlet.h"

namespace memfabric::store {

/// Who wants to hear of the changes of which key.
class WatchTable {
 public:
    explicit WatchTable(Outlet& outlet) : outlet_(outlet) {}

    /// Tells the watcher the value at once where there is one.
    void watch(RequestKey request, const WatchMessage& message, const std::string* value);
    void unwatch(RequestKey request, uint64_t watch);
    void changed(const std::string& key, const std::string* value);
    void end_session(uint64_t session);

    /// The session has watched the key at an earlier start of the store. It hears at tell_restored().
    Status restore(uint64_t session, const RestoreWatch& message);
    /// Tells who has restored a watch what there is now. `value_of` gives the value of a key, or null.
    void tell_restored(const std::function<const std::string*(const std::string& key)>& value_of);

 private:
    using Watch = std::pair<uint64_t, uint64_t>;  // session, number in the session
    Outlet& outlet_;
    std::map<Watch, std::string> keys_;
    std::map<uint64_t, size_t> counts_;  // of keys_, by session
    std::map<Watch, bool> restored_;     // whether the watcher knows of a value
    std::map<std::string, std::set<Watch>, std::less<>> watches_;
};

}  // namespace memfabric::store
