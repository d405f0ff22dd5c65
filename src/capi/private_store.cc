// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <cerrno>

#include "base/endpoint.h"
#include "base/incarnation.h"
#include "capi/private_api.h"
#include "capi/report.h"
#include "capi/store_config.h"
#include "observe/start.h"
#include "store/server.h"

namespace memfabric::capi {
namespace {

Status wait_until_readable(int descriptor) {
    pollfd waiting{descriptor, POLLIN, 0};
    while (::poll(&waiting, 1, -1) < 0) {
        if (errno != EINTR) {
            return failure(Code::kError, "config store: cannot wait for its end: {}", errno_text(errno));
        }
    }
    return {};
}

Status serve_store(const char* url, int stop_descriptor, void (*bound)(const char*, void*), void* context) {
    if (url == nullptr || bound == nullptr) {
        return failure(Code::kInvalidParam, "config store: {} is NULL",
                       url == nullptr ? "the URL" : "the function that gets the URL");
    }
    MF_ASSIGN_OR_RETURN(const Endpoint endpoint, parse_store_url(url, PortRule::kAnyAllowed));
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    MF_ASSIGN_OR_RETURN(store::ServerConfig config, store_config_for(endpoint, options));
    MF_ASSIGN_OR_RETURN(const std::unique_ptr<store::Server> server, store::Server::start(std::move(config)));
    observe::start(options, host_identity(options));
    bound(("tcp://" + server->endpoint().text()).c_str(), context);
    return wait_until_readable(stop_descriptor);
}

}  // namespace
}  // namespace memfabric::capi

extern "C" int32_t mf_private_serve_store(const char* url, int stop_descriptor,
                                          void (*bound)(const char* url, void* context), void* context) {
    return memfabric::capi::guarded(
        [&] { return memfabric::capi::serve_store(url, stop_descriptor, bound, context); });
}
