// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "store/server.h"

namespace memfabric {

/// The config stores that this process serves: one an address, shared by whoever wants it to run.
class StoreHost {
 public:
    /// The running server of that address, or a new one. It ends when the last owner lets go.
    Result<std::shared_ptr<store::Server>> host(store::ServerConfig config);

 private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<store::Server>> servers_;  // guarded by mutex_
};

}  // namespace memfabric
