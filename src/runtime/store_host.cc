// SPDX-License-Identifier: Apache-2.0
#include "runtime/store_host.h"

#include <utility>

namespace memfabric {

Result<std::shared_ptr<store::Server>> StoreHost::host(store::ServerConfig config) {
    const std::lock_guard lock(mutex_);
    const std::string wanted = config.endpoint.text();
    if (auto running = servers_[wanted].lock()) {
        return running;
    }
    MF_ASSIGN_OR_RETURN(std::unique_ptr<store::Server> started, store::Server::start(std::move(config)));
    std::shared_ptr<store::Server> server = std::move(started);
    servers_[wanted] = server;
    servers_[server->endpoint().text()] = server;
    return server;
}

}  // namespace memfabric
