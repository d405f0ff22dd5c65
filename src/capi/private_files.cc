// SPDX-License-Identifier: Apache-2.0
#include "base/exit_call.h"
#include "base/options.h"
#include "capi/private_api.h"
#include "capi/report.h"
#include "observe/start.h"
#include "transport/mapped/runtime_folder.h"

extern "C" {

void mf_private_make_exit_calls(void) {
    memfabric::make_exit_calls();
    memfabric::observe::write_dump();
}

void mf_private_sweep_runtime_folder(void) {
    static_cast<void>(memfabric::capi::guarded([]() -> memfabric::Status {
        MF_ASSIGN_OR_RETURN(const memfabric::Options options, memfabric::Options::from_environment());
        memfabric::transport::sweep_runtime_folder(options);
        return {};
    }));
}

}  // extern "C"
