// SPDX-License-Identifier: Apache-2.0
#include "capi/store_config.h"

#include "base/log.h"
#include "capi/store_security.h"
#include "transport/mapped/runtime_folder.h"

namespace memfabric::capi {

Result<store::ServerConfig> store_config_for(const Endpoint& endpoint, const Options& options) {
    store::ServerConfig config;
    config.endpoint = endpoint;
    config.options = options;
    config.data_folder = options.text(OptionId::kStoreData);
    MF_ASSIGN_OR_RETURN(config.tls, store_security_for(endpoint, true, options));
    const Result<transport::RuntimeFolder> folder = transport::RuntimeFolder::open(options);
    if (folder.is_ok()) {
        config.runtime_folder = folder->path();
    } else {
        log_debug("config store: {}", folder.status().message());
    }
    return config;
}

}  // namespace memfabric::capi
