// SPDX-License-Identifier: Apache-2.0
#include "capi/report.h"

#include "base/last_error.h"
#include "base/log.h"
#include "observe/counters.h"

namespace memfabric::capi {
namespace {

thread_local int32_t last_code = 0;

}  // namespace

int32_t last_failure_code() {
    return last_code;
}

int32_t report_failure(const Status& failed, const char* function) noexcept {
    static_cast<void>(did_with_memory([&] { observe::count_error(function, failed.code()); }));
    set_last_error(failed.message());
    last_code = static_cast<int32_t>(failed.code());
    // Trying again until a peer has come is ordinary; only the caller knows whether its absence is an error.
    const LogLevel level = failed.code() == Code::kPeerLost ? LogLevel::kInfo : LogLevel::kError;
    log(level, "{} (code {})", failed.message(), last_code);
    return last_code;
}

Status forked_child_failure() {
    return {Code::kNotInitialized,
            "this process was forked from one that uses memfabric; connections and threads stayed with the "
            "parent: start the child "
            "as a new process (exec, or multiprocessing's 'spawn') and initialize there"};
}

}  // namespace memfabric::capi
