// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/endpoint.h"
#include "base/options.h"
#include "base/status.h"
#include "store/tls.h"

namespace memfabric::store {

struct ServerConfig {
    Endpoint endpoint;               // port 0: any free one
    std::optional<TlsSettings> tls;  // none: plaintext, which the caller has decided to be acceptable here
    Options options;
    /// Where the store notes its identity while it runs, so that its clients know it again should it be
    /// killed and started again. Empty: nowhere.
    std::string runtime_folder;
    /// What is to outlive the store: its identity, and the keys that nobody owns. A store with such a folder
    /// only pauses when it ends, even in good order: its clients wait for it. Empty: none.
    std::string data_folder;
};

/// A config store, served by one thread of its own until it is destroyed.
class Server {
 public:
    /// Listens before it returns. A taken port is kResourceInUse and says so.
    static Result<std::unique_ptr<Server>> start(ServerConfig config);
    virtual ~Server() = default;

    /// The address that is really listened on.
    virtual const Endpoint& endpoint() const = 0;
};

}  // namespace memfabric::store
