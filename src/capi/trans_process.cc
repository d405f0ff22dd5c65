// SPDX-License-Identifier: Apache-2.0
#include "capi/trans_process.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "capi/process.h"

namespace memfabric::capi {

TransProcess& TransProcess::instance() {
    static TransProcess* const process = std::make_unique<TransProcess>().release();
    return *process;
}

Result<TransTable::Handle> TransProcess::open(const std::string& store_url, const std::string& session,
                                              Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const Endpoint store, parse_store_url(store_url));
    MF_ASSIGN_OR_RETURN(const Endpoint name, parse_endpoint(session));
    MF_ASSIGN_OR_RETURN(const Options options, Options::from_environment());
    const std::lock_guard lock(control_mutex_);
    engines_.reap();
    std::shared_ptr<trans::Engine> engine;
    MF_RETURN_IF_ERROR(Process::instance().on_runtime(
        store, options, deadline, [&](const std::shared_ptr<Runtime>& runtime) -> Status {
            if (is_open(name.text(), runtime)) {
                return {Code::kDuplicatedObject, "this process has a session of that name already"};
            }
            MF_ASSIGN_OR_RETURN(engine, trans::Engine::open(runtime, name, deadline));
            return {};
        }));
    const TransTable::Handle handle = engines_.insert(std::move(engine));
    if (handle == 0) {
        return failure(Code::kNewObjectFailed, "this process has {} sessions already", kMaxTransSessions);
    }
    return handle;
}

bool TransProcess::is_open(const std::string& session, const std::shared_ptr<Runtime>& runtime) {
    for (const TransTable::Handle handle : engines_.handles()) {
        const auto engine = engines_.share(handle);
        if (engine && engine->session() == session && engine->runtime() == runtime) {
            return true;
        }
    }
    return false;
}

Status TransProcess::close(TransTable::Handle handle) {
    const std::lock_guard lock(control_mutex_);
    const std::shared_ptr<trans::Engine> reachable = engines_.share(handle);
    if (!reachable) {
        return {};
    }
    // A transfer that runs ends by its own timeout; a moment more and it has returned.
    const Deadline deadline =
        Deadline::after(reachable->operation_timeout() + std::chrono::milliseconds(500));
    const std::shared_ptr<trans::Engine> engine = engines_.remove(handle, deadline);
    return engine ? engine->close(deadline) : Status();
}

void TransProcess::close_all() {
    for (const TransTable::Handle handle : engines_.handles()) {
        const Status closed = close(handle);
        if (!closed.is_ok()) {
            log_info("uninitializing TRANS: {}", closed.message());
        }
    }
}

}  // namespace memfabric::capi
