// SPDX-License-Identifier: Apache-2.0
#include "capi/private_api.h"
#include "capi/private_text.h"
#include "capi/process.h"

using memfabric::Result;
using memfabric::capi::guarded_text;
using memfabric::capi::Process;

extern "C" {

char* mf_private_fabric_counters_json(void) {
    return guarded_text([]() -> Result<std::string> {
        const memfabric::transport::FabricCounters counters = Process::instance().fabric_counters();
        return fmt::format(R"({{"put": {{"calls": {}, "bytes": {}}}, "get": {{"calls": {}, "bytes": {}}}, )"
                           R"("operations": {{"begun": {}, "retried": {}}}}})",
                           counters.put_calls, counters.put_bytes, counters.get_calls, counters.get_bytes,
                           counters.begun_operations, counters.retried_operations);
    });
}

}  // extern "C"
